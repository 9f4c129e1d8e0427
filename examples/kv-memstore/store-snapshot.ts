import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FrozenValues, Versioned } from './frozen-values.ts';

/*
 * The store's part of a snapshot: lines of JSON in UTF-8, each ended by a line feed. Strings that
 * are no proper Unicode pass too, since JSON escapes what they hold.
 *
 *     {"format":"kv-memstore","version":1}
 *     [["key","value",7],["another","value",9]]      entries with their versions, some in each line
 *     {"entries":2}                                  so many came before
 */

interface Head {
  readonly format: string;
  readonly version: number;
}

interface Count {
  readonly entries: number;
}

/** Key, value and version of some. */
type Entries = readonly (readonly [string, string, number])[];

type Line = Head | Entries | Count;

const head: Head = { format: 'kv-memstore', version: 1 };

/** About so many characters are in a line of entries; one entry may be longer. */
const lineCharacters = 64 * 1024;
/** What an entry takes besides its key and its value. */
const frameCharacters = 24;

const lineFeed = 0x0a;

/**
 * Streams the frozen values, a line at a time: nothing else is made of them. Between two lines
 * everything else in the process has its turn. `onEnd` is called once, when nobody reads any more,
 * also if nobody ever has.
 */
export function writeSnapshot(
  frozen: FrozenValues,
  onEnd: () => void,
): AsyncIterableIterator<Uint8Array> {
  const chunks = chunksOf(frozen);
  const end = async (): Promise<IteratorResult<Uint8Array>> => {
    onEnd();
    return chunks.return(undefined);
  };
  return {
    async next() {
      const next = await chunks.next();
      if (next.done === true) onEnd();
      return next;
    },
    // A generator that was never begun would end without a word.
    return: end,
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function* chunksOf(frozen: FrozenValues): AsyncGenerator<Uint8Array, undefined, undefined> {
  yield lineOf(head);
  let entries: [string, string, number][] = [];
  let characters = 0;
  for (const [key, { value, version }] of frozen) {
    entries.push([key, value, version]);
    characters += key.length + value.length + frameCharacters;
    if (characters < lineCharacters) continue;
    yield lineOf(entries);
    entries = [];
    characters = 0;
    await nextTurn();
  }
  if (entries.length > 0) yield lineOf(entries);
  yield lineOf({ entries: frozen.size });
}

/**
 * Builds the values of a snapshot, a line at a time.
 *
 * @throws {TypeError} if it is none, of another version, or not whole.
 */
export async function readSnapshot(
  chunks: AsyncIterable<Uint8Array>,
): Promise<Map<string, Versioned>> {
  const values = new Map<string, Versioned>();
  let state: 'head' | 'entries' | 'end' = 'head';
  for await (const text of linesIn(chunks)) {
    const line = parseLine(text);
    if (state === 'head') {
      demandHead(line, text);
      state = 'entries';
    } else if (state === 'end') {
      throw new TypeError(`A snapshot ends with its count; more came after it: ${shown(text)}.`);
    } else if (isEntries(line)) {
      for (const [key, value, version] of line) values.set(key, { value, version });
      await nextTurn();
    } else {
      demandCount(line, values.size);
      state = 'end';
    }
  }
  if (state !== 'end') {
    throw new TypeError(
      `A snapshot ends with its count; this one ends after ${values.size} entries.`,
    );
  }
  return values;
}

/** Chunks may end anywhere, in the middle of a character too. */
async function* linesIn(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<string, void, undefined> {
  let parts: Uint8Array[] = [];
  for await (const chunk of chunks) {
    let rest = chunk;
    for (let at = rest.indexOf(lineFeed); at >= 0; at = rest.indexOf(lineFeed)) {
      parts.push(rest.subarray(0, at));
      yield Buffer.concat(parts).toString();
      parts = [];
      rest = rest.subarray(at + 1);
    }
    // A copy: whoever sends the chunks may use their memory again.
    if (rest.length > 0) parts.push(rest.slice());
  }
  if (parts.length > 0) {
    const text = Buffer.concat(parts).toString();
    throw new TypeError(
      `A line of a snapshot ends with a line feed; this one does not: ${shown(text)}.`,
    );
  }
}

function isEntries(line: Line): line is Entries {
  return Array.isArray(line);
}

function lineOf(line: Line): Uint8Array {
  return Buffer.from(`${JSON.stringify(line)}\n`);
}

function parseLine(text: string): Line {
  const line = tryParse(text);
  // A node of this cluster wrote it, or the head tells.
  if (typeof line === 'object' && line !== null) return line as Line;
  throw new TypeError(
    `A snapshot is lines of JSON objects and arrays; this is none: ${shown(text)}.`,
  );
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function demandHead(line: Line, text: string): void {
  const { format, version }: Partial<Head> = 'format' in line ? line : {};
  if (format === head.format && version === head.version) return;
  const wanted = JSON.stringify(head);
  throw new TypeError(
    `A snapshot of this store begins with ${wanted}; this one with ${shown(text)}. Use the version that wrote it.`,
  );
}

function demandCount(line: Line, count: number): void {
  if ('entries' in line && line.entries === count) return;
  throw new TypeError(
    `A snapshot ends with its count, ${count} here; it ends with ${shown(JSON.stringify(line))}.`,
  );
}

function shown(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
}
