import { prefixEnd } from '../../bytes.ts';
import type { Compare, KeyRange, Revision, TxnOperation, TxnRequest } from '../../types.ts';

// Names and ids become parts of keys, so each is escaped: `a/b` is not a part of `a`. What is left
// as it is: letters and digits of ASCII, and - _ . ! ~ * ' ( ).

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const reservedName = 'quorate';

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** For people: bytes that are no UTF-8 come out as question marks. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Where one recipe keeps what belongs to a name: `quorate/lock/jobs`. */
export function placeOf(recipe: string, name: string): string {
  return `${reservedName}/${recipe}/${escaped(name, `The name of the ${recipe}`)}`;
}

/** Where a collection keeps its documents: `users/`. The name of all other places is taken. */
export function placeOfCollection(name: string): string {
  const what = 'The name of the collection';
  if (name === reservedName) throw new TypeError(`${what} must not be "${name}": it is taken.`);
  return `${escaped(name, what)}/`;
}

/** @throws {TypeError} if it is empty, or is no text that UTF-8 can carry. `what` names it. */
export function escaped(text: string, what: string): string {
  if (typeof text !== 'string' || text === '') {
    throw new TypeError(
      `${what} must be a string with at least one character; got ${JSON.stringify(text)}.`,
    );
  }
  try {
    return encodeURIComponent(text);
  } catch (cause) {
    const message = `${what} must be well-formed Unicode; ${JSON.stringify(text)} is not.`;
    throw new TypeError(message, { cause });
  }
}

/** The other way round; `undefined` for what `escaped` does not make of anything. */
export function unescaped(text: string): string | undefined {
  try {
    const original = decodeURIComponent(text);
    return original !== '' && encodeURIComponent(original) === text ? original : undefined;
  } catch {
    return undefined;
  }
}

/** All keys that begin with it. */
export function allUnder(prefix: string): Required<KeyRange> {
  const key = utf8(prefix);
  return { key, end: prefixEnd(key) };
}

export function isSameKey(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** Holds if the key is there since this revision; with 0, if it is not there. */
export function createdAt(key: Uint8Array, revision: Revision): Compare {
  return { key, target: 'create', result: 'equal', number: revision };
}

/** Holds if this was the last change of the key; with 0, if it is not there. */
export function changedAt(key: Uint8Array, revision: Revision): Compare {
  return { key, target: 'mod', result: 'equal', number: revision };
}

/** Holds if there is no key in the range, since one that is there was created at a revision. */
export function isEmpty(range: KeyRange): Compare {
  return { ...range, target: 'create', result: 'equal', number: 0 };
}

/** A transaction: what is done if all of it holds, and what otherwise. */
export function when(
  compare: readonly Compare[],
  done: readonly TxnOperation[],
  otherwise: readonly TxnOperation[] = [],
): TxnRequest {
  // oxlint-disable-next-line unicorn/no-thenable -- It is data.
  return { compare, then: done, else: otherwise };
}
