import { KvError, type KvErrorCode } from '../errors.ts';

/** The fields of a JSON object, each looked at before it is believed. */
export class JsonFields {
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #code: KvErrorCode;

  /**
   * @param path where it stands, for messages.
   * @param code what to refuse it with.
   * @throws {KvError} if it is no object.
   */
  constructor(value: unknown, path: string, code: KvErrorCode = 'KV_INVALID') {
    this.#path = path;
    this.#code = code;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw wrong(path, 'an object', value, code);
    }
    this.#value = value as Readonly<Record<string, unknown>>;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#value, name) && this.#value[name] !== undefined;
  }

  any(name: string): unknown {
    return this.has(name) ? this.#value[name] : undefined;
  }

  string(name: string): string {
    const value = this.any(name);
    return typeof value === 'string' ? value : this.#wrong(name, 'a string', value);
  }

  boolean(name: string): boolean {
    const value = this.any(name);
    return typeof value === 'boolean' ? value : this.#wrong(name, 'true or false', value);
  }

  number(name: string): number {
    const value = this.any(name);
    return typeof value === 'number' ? value : this.#wrong(name, 'a number', value);
  }

  /** A whole number from 0 on. */
  whole(name: string, most: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.any(name);
    if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most) {
      return value as number;
    }
    return this.#wrong(name, `a whole number from 0 to ${most}`, value);
  }

  /** Bytes, as base64. */
  bytes(name: string): Uint8Array {
    return bytesFrom(this.any(name), `${this.#path}.${name}`, this.#code);
  }

  list<Value>(name: string, read: (value: unknown, path: string) => Value): Value[] {
    const value = this.any(name);
    if (!Array.isArray(value)) return this.#wrong(name, 'a list', value);
    return value.map((part: unknown, at) => read(part, `${this.#path}.${name}[${at}]`));
  }

  /** @throws {KvError} if there is a field that is not named here. */
  only(names: readonly string[]): void {
    for (const name of Object.keys(this.#value)) {
      if (names.includes(name)) continue;
      const known = names.length === 0 ? 'none' : names.join(', ');
      const message = `${this.#path} has a field "${shortened(name)}" that nobody knows; known: ${known}.`;
      throw new KvError(this.#code, message);
    }
  }

  #wrong(name: string, wanted: string, value: unknown): never {
    throw wrong(`${this.#path}.${name}`, wanted, value, this.#code);
  }
}

/** @throws {KvError} if it is not bytes as base64. */
export function bytesFrom(value: unknown, path: string, code: KvErrorCode): Uint8Array {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value, 'base64');
    if (bytes.toString('base64') === value) return new Uint8Array(bytes);
  }
  throw wrong(path, 'bytes as base64', value, code);
}

function wrong(path: string, wanted: string, value: unknown, code: KvErrorCode): KvError {
  const came = value === undefined ? 'nothing' : shortened(jsonOf(value));
  return new KvError(code, `${path} must be ${wanted}; got ${came}.`);
}

/** A value that came out of JSON, or what a caller without types gives. */
function jsonOf(value: unknown): string {
  const json: string | undefined = JSON.stringify(value);
  return json ?? typeof value;
}

function shortened(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80)}...`;
}
