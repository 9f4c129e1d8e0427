import { KvError } from '../../errors.ts';
import type { Api, ApiOperation, ApiParameter } from './api.ts';
import { demandValid } from './schema-set.ts';
import { percentDecode, readQuery, type Target, textOf } from './target.ts';

export type Parameter = string | number | boolean;

/** What the address and the headers say, as its type is in the file. */
export type Parameters = Readonly<Record<string, Parameter | undefined>>;

/** Which operation is meant, and with which parts of the path. */
export interface Found {
  readonly operation: ApiOperation;
  readonly pathValues: readonly string[];
}

type Methods = Map<string, ApiOperation>;

/** The way from addresses to operations. A HEAD is answered as its GET. */
export class Router {
  readonly #plain = new Map<string, Methods>();
  readonly #patterns: { readonly pattern: RegExp; readonly methods: Methods }[] = [];

  constructor({ operations }: Api) {
    const byPath = Map.groupBy(operations, ({ path }) => path);
    for (const [path, those] of byPath) {
      const methods = new Map<string, ApiOperation>(those.map((one) => [one.method, one]));
      if (path.includes('{')) this.#patterns.push({ pattern: patternOf(those), methods });
      else this.#plain.set(path, methods);
    }
  }

  /**
   * @throws {KvError} `KV_NOT_FOUND`, or `KV_METHOD` with the methods that there are in
   * `details.allow`.
   */
  find(method: string, path: string): Found {
    const { methods, pathValues } = this.#at(path);
    const operation = methods.get(method === 'HEAD' ? 'GET' : method);
    if (operation !== undefined) return { operation, pathValues };
    const allow = allowedOf(methods);
    const message = `${path} takes ${allow.join(', ')}; got ${method}.`;
    throw new KvError('KV_METHOD', message, { details: { allow } });
  }

  /** @throws {KvError} `KV_NOT_FOUND` */
  allowed(path: string): readonly string[] {
    return allowedOf(this.#at(path).methods);
  }

  #at(path: string): { readonly methods: Methods; readonly pathValues: readonly string[] } {
    const plain = this.#plain.get(path);
    if (plain !== undefined) return { methods: plain, pathValues: [] };
    for (const { pattern, methods } of this.#patterns) {
      const values = pattern.exec(path);
      if (values !== null) return { methods, pathValues: values.slice(1) };
    }
    throw new KvError('KV_NOT_FOUND', `There is no path ${path}.`);
  }
}

/** Bytes go on over slashes; other parts of a path end at the next one. */
function patternOf(operations: readonly ApiOperation[]): RegExp {
  const { path = '', parameters = [] } = operations[0] ?? {};
  const source = path.replaceAll('.', '\\.').replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const isBytes = parameters.some((one) => one.name === name && one.isBytes);
    return isBytes ? '(.*)' : '([^/]+)';
  });
  return new RegExp(`^${source}$`, 's');
}

function allowedOf(methods: Methods): readonly string[] {
  const allowed = [...methods.keys()];
  return [...allowed, ...(methods.has('GET') ? ['HEAD'] : []), 'OPTIONS'];
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Collects what an operation wants to know from path, query and headers. Bytes are strings of one
 * character for each byte.
 *
 * @throws {KvError} `KV_INVALID` that names the parameter.
 */
export function readParameters(found: Found, target: Target, headers: Headers): Parameters {
  const { operation, pathValues } = found;
  const known = new Map(operation.parameters.map((one) => [one.name, one]));
  const values: Record<string, Parameter> = {};
  for (const [name, value] of readQuery(target.query)) {
    const one = known.get(name);
    // What is unknown, or belongs into a header, is refused by the schema or here, by its name.
    if (one !== undefined && one.in !== 'query') throw misplaced(one);
    values[name] = one?.isBytes === true ? value : textOf(value);
  }
  let at = 0;
  for (const one of operation.parameters) {
    if (one.in === 'path') values[one.name] = pathValue(one, pathValues[at++] ?? '');
    const header = one.in === 'header' ? headers[one.name.toLowerCase()] : undefined;
    if (typeof header === 'string') values[one.name] = header;
  }
  demandValid(operation.checkParameters, values, 'The address or a header');
  return values;
}

function pathValue({ isBytes }: ApiParameter, escaped: string): string {
  const value = percentDecode(escaped);
  return isBytes ? value : textOf(value);
}

function misplaced({ name, in: place }: ApiParameter): KvError {
  return new KvError('KV_INVALID', `"${name}" belongs into the ${place}, not into the query.`);
}
