import { Ajv2020, type ErrorObject, type Options, type ValidateFunction } from 'ajv/dist/2020.js';

import { KvError } from '../../errors.ts';
import { suggestion } from '../config/nearest.ts';
import { isBase64 } from './json-bytes.ts';

interface ParameterSchema {
  readonly name: string;
  readonly required?: boolean;
  readonly schema: object;
}

const options: Options = {
  discriminator: true,
  allowUnionTypes: true,
  // The message names what came and what is known.
  verbose: true,
  formats: { byte: isBase64, bytes: true },
};

/** Compiles schemas that refer to the components of the file. */
export class SchemaSet {
  readonly #bodies: Ajv2020;
  readonly #parameters: Ajv2020;

  constructor(components: object) {
    this.#bodies = withComponents(new Ajv2020(options), components);
    this.#parameters = withComponents(new Ajv2020({ ...options, coerceTypes: true }), components);
  }

  compileBody(schema: object): ValidateFunction {
    return this.#bodies.compile(moved(schema));
  }

  /** All parameters of an operation are one object, whose strings become what is wanted. */
  compileParameters(parameters: readonly ParameterSchema[]): ValidateFunction {
    return this.#parameters.compile({
      type: 'object',
      properties: Object.fromEntries(parameters.map(({ name, schema }) => [name, moved(schema)])),
      required: parameters.filter(({ required }) => required === true).map(({ name }) => name),
      additionalProperties: false,
    });
  }
}

const rootId = 'quorate:/openapi';

function withComponents(ajv: Ajv2020, components: object): Ajv2020 {
  // Keywords of OpenAPI that say nothing about what is valid.
  for (const keyword of ['components', 'example']) ajv.addKeyword(keyword);
  ajv.addSchema({ $id: rootId, components });
  return ajv;
}

/** The schema as it must be written outside the file that it refers to. */
function moved(schema: object): object {
  const { $ref, ...rest } = schema as { readonly $ref?: string };
  return $ref === undefined ? rest : { ...rest, $ref: `${rootId}${$ref}` };
}

/**
 * Checks `data`, which the messages call `name`.
 *
 * @throws {KvError} `KV_INVALID` that says where it is wrong, what was wanted, and what came.
 */
export function demandValid(check: ValidateFunction, data: unknown, name: string): void {
  if (check(data)) return;
  // The last is the most general: behind the branches of a choice comes the choice itself.
  const error = check.errors?.at(-1);
  const path = error?.instancePath ?? '';
  const problem = error === undefined ? 'is not valid' : problemOf(error);
  throw new KvError('KV_INVALID', `${name}${path === '' ? '' : ` at ${path}`} ${problem}.`, {
    details: { path },
  });
}

function problemOf(error: ErrorObject): string {
  const { keyword, params, data, schema, message = 'is not valid' } = error;
  switch (keyword) {
    case 'required':
      return `has no ${quoted(params['missingProperty'])}`;
    case 'additionalProperties':
      return unknownProblem(String(params['additionalProperty']), error.parentSchema);
    case 'oneOf':
      return 'must have either "key" or "prefix"';
    case 'dependentRequired':
      return `has ${quoted(params['property'])} without ${quoted(params['missingProperty'])}`;
    case 'discriminator':
      return discriminatorProblem(error);
    case 'type':
      return `must be ${typeNames(schema)}; got ${shown(data)}`;
    case 'enum':
      return `must be one of ${(schema as readonly unknown[]).map(quoted).join(', ')}; got ${shown(data)}`;
    case 'format':
      return `must be base64 with padding; got ${shown(data)}`;
    default:
      return `${message}; got ${shown(data)}`;
  }
}

/** The one choice of types that there is are bytes. */
function typeNames(schema: unknown): string {
  if (Array.isArray(schema)) return 'a string, or {"base64": "..."}';
  return /^[aeio]/.test(String(schema)) ? `an ${String(schema)}` : `a ${String(schema)}`;
}

function unknownProblem(name: string, parent: object | undefined): string {
  const { properties = {} } = (parent ?? {}) as { readonly properties?: object };
  const known = Object.keys(properties);
  if (known.length === 0) return `takes nothing, and has ${quoted(name)}`;
  return `does not know ${quoted(name)}${suggestion(name, known)}; it knows ${known.join(', ')}`;
}

/** The schema lists what the choice is by, beside the branches. */
function discriminatorProblem({ params, parentSchema }: ErrorObject): string {
  const tag = String(params['tag']);
  const { properties = {} } = (parentSchema ?? {}) as {
    readonly properties?: Readonly<Record<string, { readonly enum?: readonly string[] }>>;
  };
  const known = (properties[tag]?.enum ?? []).map(quoted).join(', ');
  return `must have a ${quoted(tag)} of ${known}; got ${shown(params['tagValue'])}`;
}

function quoted(text: unknown): string {
  return `"${String(text)}"`;
}

const longestShown = 80;

/** What came, but no more of it than a message can bear. */
function shown(data: unknown): string {
  const text = JSON.stringify(data) ?? 'nothing';
  return text.length <= longestShown ? text : `${text.slice(0, longestShown)}...`;
}
