import type { LibraryRecord } from '../../src/contract/state-machine.ts';
import type { EffectiveMembership, LogIndex, SnapshotMeta, Term } from '../../src/core/types.ts';
import { type KeptRecord, sealEnvelope } from '../../src/node/snapshot-envelope.ts';

/** The membership of `voters`, in force from the first entry on. */
export function memberOf(voters: readonly string[], index: LogIndex = 1): EffectiveMembership {
  const nodes = Object.fromEntries(voters.map((id) => [id, {}]));
  return { cluster: 'c', voters: [voters], nodes, logId: { term: 0, index } };
}

export function metaAt(
  index: LogIndex,
  { term = 1, id = `s${index}` }: { term?: Term; id?: string } = {},
): SnapshotMeta {
  return { id, lastLogId: { term, index }, membership: memberOf(['a']) };
}

export function record(key: string, value: string): KeptRecord {
  return { key, value: new TextEncoder().encode(value) };
}

/** A snapshot's content whose state machine wrote `text`. */
export function contentOf(text: string): Promise<Uint8Array> {
  return collect(sealEnvelope([], [new TextEncoder().encode(text)]));
}

export async function collect(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Uint8Array.from(Buffer.concat(parts));
}

/** Hands out `bytes` in pieces of `size`, and says whether somebody let go of it. */
export class Stream implements AsyncIterable<Uint8Array> {
  isClosed = false;
  taken = 0;
  readonly #bytes: Uint8Array;
  readonly #size: number;

  constructor(bytes: Uint8Array, size: number = bytes.length) {
    this.#bytes = bytes;
    this.#size = size;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let at = 0; at < this.#bytes.length; at += this.#size) {
        this.taken += 1;
        yield this.#bytes.subarray(at, at + this.#size);
      }
    } finally {
      this.isClosed = true;
    }
  }
}

export function textOf(records: readonly LibraryRecord[]): [string, string][] {
  return records.map(({ key, value }) => [key, new TextDecoder().decode(value)]);
}
