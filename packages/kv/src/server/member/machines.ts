import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { DurableStateMachine, StateMachine } from 'quorate';
import { KvStateMachine, type KvStateMachineOptions } from '../../store/machine.ts';
import { RocksKvMachine } from '../../store-rocks/machine.ts';
import type { MemberSettings } from './options.ts';
import type { ServedStore } from './served-store.ts';

/** The folder of the state, in that of the member. */
const stateFolder = 'state';

/** The store as Raft replicates it, whichever way it is kept. */
export type KvMachine =
  | StateMachine<Uint8Array, Uint8Array>
  | DurableStateMachine<Uint8Array, Uint8Array>;

/** A machine with what the member serves of it. */
export interface OpenedStore {
  readonly machine: KvMachine;
  readonly store: ServedStore;
  readonly close: () => Promise<void>;
}

/**
 * Opens the store in the way that the settings say. A member that kept it otherwise before begins
 * with its newest snapshot and its log, as Raft finds that this state lacks them.
 *
 * @throws {Error} that says what to install, or what is wrong with the folder.
 */
export async function openStore(
  { store: kind, storage, directory, logger }: MemberSettings,
  told: KvStateMachineOptions,
): Promise<OpenedStore> {
  const folder = path.join(directory, stateFolder);
  if (kind === 'rocksdb') {
    const machine = await RocksKvMachine.open(folder, told);
    return { machine, store: machine.store, close: () => machine.close() };
  }
  if (storage === undefined && (await isThere(folder))) {
    const advice =
      'the store is kept in memory, and what is there of a store in RocksDB is of no use meanwhile: delete it, or start with --store rocksdb';
    logger.info({ folder }, advice);
  }
  const machine = new KvStateMachine(told);
  return { machine, store: machine.store, close: async () => undefined };
}

async function isThere(folder: string): Promise<boolean> {
  try {
    await stat(folder);
    return true;
  } catch {
    return false;
  }
}
