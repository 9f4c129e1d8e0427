/** What came over the wire is not what was wanted. The message says which field, and both. */
export class WrongShapeError extends TypeError {
  constructor(path: string, wanted: string, came: unknown, options?: ErrorOptions) {
    super(`${path} must be ${wanted}; got ${described(came)}.`, options);
    this.name = 'WrongShapeError';
  }
}

/**
 * Reads the fields of an object that somebody else has sent, one at a time, each as the type it is
 * meant to be. Fields that nobody reads are ignored, so that a later version may add some.
 */
export class Fields {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;

  /** @throws {WrongShapeError} if `value` is no object. `path` is how messages call it. */
  constructor(value: unknown, path: string) {
    if (!isRecord(value)) throw new WrongShapeError(path, 'an object', value);
    this.#fields = value;
    this.#path = path;
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined && this.#value(name) !== null;
  }

  /** An index, a term, a count or a size: a whole number from 0 on. */
  count(name: string): number {
    const value = this.#value(name);
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    return this.#refuse(name, 'a whole number from 0 on');
  }

  /** A CRC-32. */
  checksum(name: string): number {
    const value = this.#value(name);
    const isChecksum = typeof value === 'number' && Number.isInteger(value) && value >= 0;
    if (isChecksum && value < 2 ** 32) return value;
    return this.#refuse(name, 'a whole number from 0 to 4294967295');
  }

  /** Whatever it is: the application's own. */
  any(name: string): unknown {
    return this.#value(name);
  }

  string(name: string): string {
    const value = this.#value(name);
    return typeof value === 'string' ? value : this.#refuse(name, 'a string');
  }

  boolean(name: string): boolean {
    const value = this.#value(name);
    return typeof value === 'boolean' ? value : this.#refuse(name, 'true or false');
  }

  /** One of a few strings. */
  oneOf<const Choice extends string>(name: string, choices: readonly Choice[]): Choice {
    const value = this.#value(name);
    const choice = choices.find((candidate) => candidate === value);
    return choice ?? this.#refuse(name, choices.map((one) => JSON.stringify(one)).join(' or '));
  }

  /** Bytes in base64. */
  bytes(name: string): Uint8Array {
    const text = this.string(name);
    const bytes = Buffer.from(text, 'base64');
    // What is not base64 is skipped by the decoder, and then the length is wrong.
    const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
    if (bytes.byteLength !== (text.length / 4) * 3 - padding) {
      return this.#refuse(name, 'bytes in base64');
    }
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** What another reader makes of a field. */
  nested<Value>(name: string, read: (value: unknown, path: string) => Value): Value {
    return read(this.#value(name), this.#pathOf(name));
  }

  list<Value>(name: string, read: (value: unknown, path: string) => Value): Value[] {
    return readList(this.#value(name), this.#pathOf(name), read);
  }

  /** An object with names of the sender's own choice. */
  record<Value>(
    name: string,
    read: (value: unknown, path: string) => Value,
  ): Record<string, Value> {
    const path = this.#pathOf(name);
    const value = this.#value(name);
    if (!isRecord(value)) throw new WrongShapeError(path, 'an object', value);
    const pairs = Object.entries(value).map(
      ([key, item]) => [key, read(item, `${path}.${key}`)] as const,
    );
    return Object.fromEntries(pairs);
  }

  #value(name: string): unknown {
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
  }

  #pathOf(name: string): string {
    return `${this.#path}.${name}`;
  }

  #refuse(name: string, wanted: string): never {
    throw new WrongShapeError(this.#pathOf(name), wanted, this.#value(name));
  }
}

export function readString(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  throw new WrongShapeError(path, 'a string', value);
}

export function readList<Value>(
  value: unknown,
  path: string,
  read: (value: unknown, path: string) => Value,
): Value[] {
  if (!Array.isArray(value)) throw new WrongShapeError(path, 'a list', value);
  return value.map((item, position) => read(item, `${path}[${position}]`));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function described(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
