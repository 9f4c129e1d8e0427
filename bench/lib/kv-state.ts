import type { Committed, StateMachine } from 'quorate';
import { type Pair, putsMessage, readPuts } from './kv-messages.ts';

const chunkBytes = 64 * 1024;
const lengthBytes = 4;

/** Keys and values in memory. A command has many puts, as a client sends them. */
export class KvState implements StateMachine<Uint8Array, undefined> {
  #values = new Map<string, Value>();

  get(key: string): Uint8Array | undefined {
    const value = this.#values.get(key);
    return value === undefined ? undefined : bytesOf(value);
  }

  apply(batch: readonly Committed<Uint8Array>[]): undefined[] {
    for (const { command } of batch) putAll(this.#values, command);
    return new Array<undefined>(batch.length).fill(undefined);
  }

  /** Values are replaced and never changed, so a copy of the map is frozen. */
  async snapshot(): Promise<Iterable<Uint8Array>> {
    return chunksOf([...this.#values]);
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const values = new Map<string, Value>();
    let rest = Buffer.alloc(0);
    for await (const chunk of chunks) {
      const bytes = Buffer.concat([rest, chunk]);
      let at = 0;
      while (at + lengthBytes <= bytes.length) {
        const end = at + lengthBytes + bytes.readUInt32LE(at);
        if (end > bytes.length) break;
        putAll(values, bytes.subarray(at + lengthBytes, end));
        at = end;
      }
      rest = bytes.subarray(at);
    }
    if (rest.length > 0) throw new Error(`A snapshot ends with ${rest.length} bytes of a message.`);
    this.#values = values;
  }
}

function putAll(values: Map<string, Value>, command: Uint8Array): void {
  readPuts(command, (key, bytes, from, to) => values.set(key, copyOf(bytes, from, to)));
}

/** Where a value is. Cheaper than a view, and few of them are ever read. */
interface Value {
  readonly slab: Buffer;
  readonly from: number;
  readonly to: number;
}

/** Small values share their memory, which is not written again. */
const slabBytes = 8 * 1024;
let slab = Buffer.alloc(0);
let slabUsed = 0;

/** A copy: a command is a part of what was read from a socket or the disk. */
function copyOf(bytes: Buffer, from: number, to: number): Value {
  const length = to - from;
  if (slab.length - slabUsed < length) {
    slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, length));
    slabUsed = 0;
  }
  const at = slabUsed;
  bytes.copy(slab, at, from, to);
  slabUsed += length;
  return { slab, from: at, to: at + length };
}

function bytesOf({ slab: bytes, from, to }: Value): Uint8Array {
  return bytes.subarray(from, to);
}

/** Each a message of puts behind its length. */
function* chunksOf(pairs: readonly (readonly [string, Value])[]): Generator<Uint8Array> {
  let some: Pair[] = [];
  let bytes = 0;
  for (const [key, value] of pairs) {
    some.push({ key, value: bytesOf(value) });
    bytes += key.length + value.to - value.from;
    if (bytes < chunkBytes) continue;
    yield chunkOf(some);
    some = [];
    bytes = 0;
  }
  if (some.length > 0) yield chunkOf(some);
}

function chunkOf(pairs: readonly Pair[]): Uint8Array {
  const puts = putsMessage(pairs);
  const length = Buffer.allocUnsafe(lengthBytes);
  length.writeUInt32LE(puts.length);
  return Buffer.concat([length, puts]);
}
