import path from 'node:path';
import { walStorage } from 'quorate/storage/wal';
import { type ExampleServer, type ServerOptions, startServerOn } from '../kv-memstore/server.ts';
import { openRocksStore, readable } from './store.ts';

/**
 * Starts one node with log and snapshots in `data/raft`, and the state in `data/state`.
 *
 * @throws {RangeError} without `data`.
 * @throws {LockedError} if another process has the data.
 * @throws {DamagedError} if the data is not what was written.
 * @throws {UnsupportedError} if RocksDB cannot be loaded; the message says what to install.
 */
export async function startRocksServer(options: ServerOptions): Promise<ExampleServer> {
  const { data } = options;
  if (data === undefined) {
    throw new RangeError('A node with its state in RocksDB wants --data with a directory.');
  }
  const storage = await walStorage(path.join(data, 'raft'));
  try {
    const stateMachine = await openRocksStore(path.join(data, 'state'));
    const close = async (): Promise<void> => {
      await stateMachine.close();
      await storage[Symbol.asyncDispose]();
    };
    const store = readable(stateMachine);
    return await startServerOn({ storage, stateMachine, store, close }, options);
  } catch (error) {
    await storage[Symbol.asyncDispose]();
    throw error;
  }
}
