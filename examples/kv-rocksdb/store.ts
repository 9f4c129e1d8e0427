import { type BatchView, RocksStateMachine, type StateView } from '@quorate/rocksdb';
import type { Committed } from 'quorate';
import type { FrozenContent, Versioned } from '../kv-memstore/frozen-values.ts';
import type { ReadableStore } from '../kv-memstore/routes.ts';
import type { Command, CommandResponse } from '../kv-memstore/store.ts';

export type RocksStore = RocksStateMachine<Command, CommandResponse>;

/** Opens strings under strings, as in `../kv-memstore`, that are on disk. */
export function openRocksStore(directory: string): Promise<RocksStore> {
  return RocksStateMachine.open<Command, CommandResponse>(directory, { applyOne });
}

async function applyOne(
  { command, logId }: Committed<Command>,
  view: BatchView,
): Promise<CommandResponse> {
  if (command.type === 'compare-and-set') {
    const old = await readValue(view, command.key);
    // A missing key matches no version, so a compare-and-set never creates one.
    if (old?.version !== command.expectedVersion) return undefined;
  }
  const written = { value: command.value, version: logId.index };
  view.put(command.key, encode(written));
  return written;
}

/** The state as the calls of the server read it. */
export function readable(machine: RocksStore): ReadableStore {
  return {
    get: (key) => readValue(machine, key),
    freeze: () => freeze(machine),
  };
}

async function readValue(view: StateView, key: string): Promise<Versioned | undefined> {
  const bytes = await view.get(key);
  return bytes === undefined ? undefined : decode(bytes);
}

/** The entries of the moment in which they are first read, each with its lengths before it. */
function freeze(view: StateView): FrozenContent {
  let count = 0;
  const chunks = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const [key, value] of view.entries()) {
      count += 1;
      const lengths = Buffer.alloc(8);
      lengths.writeUInt32BE(key.length);
      lengths.writeUInt32BE(value.length, 4);
      yield Buffer.concat([lengths, key, value]);
    }
  };
  return { chunks: chunks(), count: () => count };
}

/** Eight bytes of version, then the text. */
function encode({ value, version }: Versioned): Uint8Array {
  const head = Buffer.alloc(8);
  head.writeBigUInt64BE(BigInt(version));
  return Buffer.concat([head, Buffer.from(value)]);
}

function decode(bytes: Uint8Array): Versioned {
  const { buffer, byteOffset, byteLength } = bytes;
  const found = Buffer.from(buffer, byteOffset, byteLength);
  return { version: Number(found.readBigUInt64BE()), value: found.toString('utf8', 8) };
}
