import path from 'node:path';

/** Why a value cannot be taken: what was wanted, and of which part of it, if it has parts. */
export class UnwantedValue extends Error {
  readonly wanted: string;
  readonly came: unknown;
  readonly part: string | undefined;

  constructor(wanted: string, came: unknown, part?: string) {
    super(wanted);
    this.wanted = wanted;
    this.came = came;
    this.part = part;
  }
}

/**
 * Reads a value as a file has it (a string, a number, a list...) or a flag (a string).
 *
 * @throws {UnwantedValue}
 */
export type ReadValue = (raw: unknown, place: ValuePlace) => unknown;

export interface ValuePlace {
  /** What paths are relative to. */
  readonly folder: string;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const addressPattern = /^(\[[0-9a-fA-F:.]+\]|[^[\]:/?#@\s]+):(\d{1,5})$/;

export const memberName: ReadValue = (raw) => {
  if (typeof raw === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(raw)) return raw;
  throw new UnwantedValue('a name of up to 64 letters, digits, ".", "_" and "-"', raw);
};

export const filePath: ReadValue = (raw, { folder }) => {
  if (typeof raw === 'string' && raw !== '') return path.resolve(folder, raw);
  throw new UnwantedValue('a path', raw);
};

export const text: ReadValue = (raw) => {
  if (typeof raw === 'string' && raw.trim() !== '') return raw.trim();
  throw new UnwantedValue('a text that is not empty', raw);
};

/** Where to listen; port 0 is any that is free. */
export const listenAddress: ReadValue = (raw) => {
  const [, host = '', digits] = addressPattern.exec(String(raw)) ?? [];
  const port = Number(digits);
  if (host === '' || port > 65_535) throw new UnwantedValue('HOST:PORT, as 127.0.0.1:7001', raw);
  return { host: host.replace(/^\[|\]$/g, ''), port } satisfies ListenAddress;
};

export const listenAddressOrOff: ReadValue = (raw, place) => {
  if (raw === 'off') return raw;
  try {
    return listenAddress(raw, place);
  } catch {
    throw new UnwantedValue('HOST:PORT, as 127.0.0.1:8001, or off', raw);
  }
};

/** Where others dial, so port 0 is none. */
export const dialAddress: ReadValue = (raw) => {
  const address = typeof raw === 'string' ? raw.trim() : '';
  const digits = Number(addressPattern.exec(address)?.[2]);
  if (digits >= 1 && digits <= 65_535) return address;
  throw new UnwantedValue('HOST:PORT, as 10.0.0.1:7001', raw);
};

export const dialAddresses: ReadValue = (raw, place) => {
  const list = listOf(raw);
  if (list.length === 0) throw new UnwantedValue('at least one HOST:PORT', raw);
  return list.map((one, at) => inPart(String(at), () => dialAddress(one, place)));
};

/** Names and addresses: a map of a file, or `a=HOST:PORT,b=HOST:PORT`. */
export const peers: ReadValue = (raw, place) => {
  const pairs = typeof raw === 'string' ? pairsOf(raw) : entriesOf(raw);
  const found: Record<string, string> = {};
  for (const [name, address] of pairs) {
    inPart(name, () => memberName(name, place));
    if (Object.hasOwn(found, name)) throw new UnwantedValue('each name once', name);
    found[name] = inPart(name, () => dialAddress(address, place)) as string;
  }
  if (pairs.length === 0) throw new UnwantedValue('a=HOST:PORT,b=HOST:PORT', raw);
  return found;
};

export const url: ReadValue = (raw) => {
  if (typeof raw === 'string' && /^https?:\/\/[^/\s]+\/?$/.test(raw)) return raw;
  throw new UnwantedValue('a URL without a path, as http://10.0.0.1:8001', raw);
};

export const origins: ReadValue = (raw) =>
  listOf(raw).map((one, at) =>
    inPart(String(at), () => {
      if (typeof one === 'string' && /^(\*|https?:\/\/[^/\s]+)$/.test(one)) return one;
      throw new UnwantedValue('an origin, as https://app.example, or *', one);
    }),
  );

export const yesOrNo: ReadValue = (raw) => {
  if (raw === true || raw === 'true') return true;
  if (raw === false || raw === 'false') return false;
  throw new UnwantedValue('true or false', raw);
};

export function oneOf(...choices: readonly string[]): ReadValue {
  return (raw) => {
    // What YAML reads as a word of its own is one here.
    if (choices.includes(String(raw))) return raw;
    throw new UnwantedValue(choices.join(', ').replace(/, ([^,]+)$/, ' or $1'), raw);
  };
}

export function count(from: number, to: number = Number.MAX_SAFE_INTEGER): ReadValue {
  return (raw) => {
    const number = typeof raw === 'string' && /^\d+$/.test(raw) ? Number(raw) : raw;
    if (Number.isSafeInteger(number) && isWithin(number as number, from, to)) return number;
    throw new UnwantedValue(`a whole number ${bounds(from, to)}`, raw);
  };
}

export function share(): ReadValue {
  return (raw) => {
    const number = typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : raw;
    if (typeof number === 'number' && number >= 0 && number < 1) return number;
    throw new UnwantedValue('a number from 0 to below 1', raw);
  };
}

const sizes: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** A number of bytes, or one with its unit. */
export function bytes(from: number, to: number = Number.MAX_SAFE_INTEGER): ReadValue {
  return (raw) => {
    const number = typeof raw === 'string' ? withUnit(raw, sizes, 1) : raw;
    if (Number.isSafeInteger(number) && isWithin(number as number, from, to)) return number;
    throw new UnwantedValue(`a number of bytes, as 65536 or "64 KiB", ${bounds(from, to)}`, raw);
  };
}

const durations: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A number of milliseconds, or a number with its unit. */
export const milliseconds: ReadValue = (raw) => {
  const number = typeof raw === 'string' ? withUnit(raw, durations, 1) : raw;
  if (typeof number === 'number' && isWithin(number, 1, 2 ** 31 - 1)) return number;
  throw new UnwantedValue('a number of milliseconds, as 500 or 10s', raw);
};

/** What a timer waits for in one piece. */
export const duration: ReadValue = lasting(2 ** 31 - 1, '24d');

/** What nothing but a clock waits for, as how long data is kept: a hundred years at most. */
export const span: ReadValue = lasting(36_500 * 86_400_000, '36500d');

/** A number with its unit: what is short to type should not be a thousand times too short. */
function lasting(mostMs: number, most: string): ReadValue {
  return (raw) => {
    const number = typeof raw === 'string' ? withUnit(raw, durations, undefined) : undefined;
    if (number !== undefined && isWithin(number, 1, mostMs)) return number;
    if (number !== undefined && number > 1) throw new UnwantedValue(`${most} at most`, raw);
    throw new UnwantedValue('a number with its unit (ms, s, m, h, d), as 10s', raw);
  };
}

/** Allows `unlimited` too. */
export function orUnlimited(read: ReadValue): ReadValue {
  return (raw, place) => {
    if (raw === 'unlimited') return Infinity;
    try {
      return read(raw, place);
    } catch (error) {
      if (!(error instanceof UnwantedValue)) throw error;
      throw new UnwantedValue(`${error.wanted}, or unlimited`, raw);
    }
  };
}

/** `off`, `time:1h`, `revisions:100000`, or the latter two with a comma. */
export const compaction: ReadValue = (raw, place) => {
  if (raw === 'off' || raw === false) return 'off';
  const wanted = 'off, time:1h, revisions:100000, or time:1h,revisions:100000';
  const parts = new Map(
    String(raw)
      .split(',')
      .map((part) => splitAt(part.trim(), ':')),
  );
  const { time, revisions } = Object.fromEntries(parts);
  if ([...parts.keys()].some((key) => key !== 'time' && key !== 'revisions')) {
    throw new UnwantedValue(wanted, raw);
  }
  try {
    const keep = revisions === undefined ? undefined : (count(1)(revisions, place) as number);
    if (time === undefined) return { mode: 'revisions', keep };
    const keepMs = span(time, place) as number;
    return keep === undefined
      ? { mode: 'time', keepMs }
      : { mode: 'time', keepMs, keepAtMost: keep };
  } catch {
    throw new UnwantedValue(wanted, raw);
  }
};

function withUnit(
  raw: string,
  units: Readonly<Record<string, number>>,
  bare: number | undefined,
): number | undefined {
  const [, digits, unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(raw) ?? [];
  const factor = unit === '' ? bare : Object.hasOwn(units, unit) ? units[unit] : undefined;
  return digits === undefined || factor === undefined ? undefined : Number(digits) * factor;
}

function isWithin(number: number, from: number, to: number): boolean {
  return number >= from && number <= to;
}

function bounds(from: number, to: number): string {
  return to === Number.MAX_SAFE_INTEGER ? `from ${from} on` : `from ${from} to ${to}`;
}

function listOf(raw: unknown): readonly unknown[] {
  if (Array.isArray(raw)) return raw;
  if (typeof raw !== 'string') throw new UnwantedValue('a list, or values with commas', raw);
  return raw.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]));
}

function pairsOf(raw: string): readonly (readonly [string, string])[] {
  return raw.split(',').flatMap((part) => (part.trim() === '' ? [] : [splitAt(part.trim(), '=')]));
}

function entriesOf(raw: unknown): readonly (readonly [string, unknown])[] {
  if (typeof raw === 'object' && raw !== null && !Array.isArray(raw)) return Object.entries(raw);
  throw new UnwantedValue('a map of names to HOST:PORT', raw);
}

function splitAt(part: string, sign: string): readonly [string, string] {
  const at = part.indexOf(sign);
  return at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)];
}

function inPart<Value>(part: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UnwantedValue)) throw error;
    throw new UnwantedValue(error.wanted, error.came, part);
  }
}
