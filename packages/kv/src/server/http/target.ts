import { KvError } from '../../errors.ts';

/** The address that was asked for, still percent-encoded. */
export interface Target {
  readonly path: string;
  readonly query: string;
}

/** Takes the address apart. Nothing is normalised: keys may have any parts. */
export function readTarget(url: string): Target {
  // A proxy may send the whole address.
  const local = url.startsWith('/') ? url : url.replace(/^[a-zA-Z]+:\/\/[^/?]*/, '');
  const at = local.indexOf('?');
  if (at < 0) return { path: local, query: '' };
  return { path: local.slice(0, at), query: local.slice(at + 1) };
}

/**
 * The names and values of a query, each as a string of one character for each byte.
 *
 * @throws {KvError} `KV_INVALID` if a name comes twice, or an escape is none.
 */
export function readQuery(query: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  if (query === '') return values;
  for (const part of query.split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    const name = percentDecode(spaced(at < 0 ? part : part.slice(0, at)));
    const value = at < 0 ? '' : percentDecode(spaced(part.slice(at + 1)));
    if (values.has(name)) throw invalid(`The parameter "${name}" is there twice.`);
    values.set(name, value);
  }
  return values;
}

function spaced(text: string): string {
  return text.replaceAll('+', ' ');
}

/**
 * One character for each byte.
 *
 * @throws {KvError} `KV_INVALID` for a percent sign without two hexadecimal digits.
 */
export function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  return text.replaceAll(/%([0-9a-fA-F]{2})?/g, (escape, digits: string | undefined) => {
    if (digits !== undefined) return String.fromCharCode(Number.parseInt(digits, 16));
    throw invalid(`"${escape}" in the address wants two hexadecimal digits; "%25" is the sign.`);
  });
}

/** A string of one character for each byte as text. */
export function textOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

function invalid(message: string): KvError {
  return new KvError('KV_INVALID', message);
}
