/*
 * Transactions over lists, each of which begins empty. An element is appended once in a whole
 * history, so a list that somebody has read tells who wrote it and in which order. The idea is
 * that of Elle (Kingsbury and Alvaro, 2020).
 */

export interface ListAppend {
  readonly type: 'append';
  readonly key: string;
  readonly element: number;
}

export interface ListRead {
  readonly type: 'read';
  readonly key: string;
  /** What the client saw; absent if it heard nothing. */
  readonly list?: readonly number[];
}

export type ListOperation = ListAppend | ListRead;

/** Times are of one clock that all clients share; best is a counter. */
export interface ListTransaction {
  readonly client: string | number;
  readonly operations: readonly ListOperation[];
  readonly calledAt: number;
  /** Absent: nobody heard what became of it, and it may have taken effect at any time since. */
  readonly returnedAt?: number;
  /** It was refused: it certainly changed nothing. */
  readonly failed?: true;
}

/** What a client can have seen; everything else is a mistake of whoever made the history. */
export function demandHistory(history: readonly ListTransaction[]): void {
  const appended = new Set<string>();
  for (const [at, { operations, calledAt, returnedAt, failed }] of history.entries()) {
    if (returnedAt !== undefined && !(returnedAt >= calledAt)) {
      throw new RangeError(`Transaction ${at} returned at ${returnedAt}, before ${calledAt}.`);
    }
    for (const operation of operations) {
      const { type, key } = operation;
      if (type === 'append') {
        const name = nameOf(key, operation.element);
        if (appended.has(name)) throw new RangeError(`${name} is appended twice in the history.`);
        appended.add(name);
      } else if (returnedAt !== undefined && failed !== true && operation.list === undefined) {
        throw new TypeError(`Transaction ${at} returned; what it read of ${key} must be there.`);
      }
    }
  }
}

export function nameOf(key: string, element: number): string {
  return `${key}+${element}`;
}
