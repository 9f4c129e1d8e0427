import type { Committed, StateMachine } from 'quorate';
import { putRequest, readRequest } from './kv-messages.ts';

const chunkBytes = 64 * 1024;
const lengthBytes = 4;

/** Keys and values in memory. Commands are puts as clients send them. */
export class KvState implements StateMachine<Uint8Array, undefined> {
  #values = new Map<string, Uint8Array>();

  get(key: string): Uint8Array | undefined {
    return this.#values.get(key);
  }

  apply(batch: readonly Committed<Uint8Array>[]): undefined[] {
    for (const { command } of batch) put(this.#values, command);
    return new Array<undefined>(batch.length).fill(undefined);
  }

  /** Values are replaced and never changed, so a copy of the map is frozen. */
  async snapshot(): Promise<Iterable<Uint8Array>> {
    return chunksOf([...this.#values]);
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const values = new Map<string, Uint8Array>();
    let rest = Buffer.alloc(0);
    for await (const chunk of chunks) {
      const bytes = Buffer.concat([rest, chunk]);
      let at = 0;
      while (at + lengthBytes <= bytes.length) {
        const end = at + lengthBytes + bytes.readUInt32LE(at);
        if (end > bytes.length) break;
        put(values, bytes.subarray(at + lengthBytes, end));
        at = end;
      }
      rest = bytes.subarray(at);
    }
    if (rest.length > 0) throw new Error(`A snapshot ends with ${rest.length} bytes of a pair.`);
    this.#values = values;
  }
}

function put(values: Map<string, Uint8Array>, command: Uint8Array): void {
  const request = readRequest(command);
  if (request.type !== 'put') throw new Error(`A ${request.type} is in the log.`);
  // A copy: the command is a part of what was read from a socket or the disk. Small ones share a
  // few KiB, which is cheaper than memory of its own for each.
  values.set(request.key, Buffer.from(request.value));
}

function* chunksOf(pairs: readonly (readonly [string, Uint8Array])[]): Generator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for (const [key, value] of pairs) {
    const pair = putRequest(key, value);
    const length = Buffer.allocUnsafe(lengthBytes);
    length.writeUInt32LE(pair.length);
    parts.push(length, pair);
    bytes += lengthBytes + pair.length;
    if (bytes < chunkBytes) continue;
    yield Buffer.concat(parts);
    parts = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(parts);
}
