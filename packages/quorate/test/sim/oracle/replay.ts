import type { Storage } from '../../../src/contract/storage.ts';
import type { LogId, LogIndex, NodeId } from '../../../src/core/types.ts';
import { Applier } from '../../../src/node/applier.ts';
import { jsonCodec } from '../../../src/node/codec.ts';
import { Machine } from '../../../src/node/machine.ts';
import { recover } from '../../../src/node/recovery.ts';
import { KeyValueMachine, type MachineWitness } from '../machine.ts';
import { pictureOf } from './session-picture.ts';

/** A state, as it is compared: after `index`, of the state machine and of the sessions. */
export interface Replayed {
  readonly index: LogIndex;
  readonly digest: string;
  readonly sessions: string;
}

const nothing = (): void => undefined;
const nobody: MachineWitness = { applied: nothing, frozen: nothing, restored: nothing };

/** A state machine that starts empty, and that nobody watches. */
export function emptyMachine(): KeyValueMachine {
  return new KeyValueMachine({ chunkBytes: 1024, witness: nobody });
}

/**
 * Starts from a storage as a node does, with the code that nodes have for it: recovers, and takes
 * everything that is committed to a new state machine. The storage is changed as by any start.
 *
 * @throws if the code refuses what it finds.
 */
export async function replay(
  storage: Storage,
  id: NodeId,
  isCommitted: (logId: LogId) => boolean,
): Promise<Replayed> {
  const state = emptyMachine();
  const machine = new Machine(state);
  const recovered = await recover({ storage, id, machine, randomId: () => 'nobody' });
  const { applied } = recovered.state;
  const index = await lastCommittedIn(storage, applied.index, isCommitted);
  if (index > applied.index) await applyAll(storage, { machine, recovered, index });
  return { index, digest: state.digest, sessions: pictureOf(machine.sessions.freeze()) };
}

/** A log is that of everybody as far as it is committed, and may go on with what never will be. */
async function lastCommittedIn(
  { log }: Storage,
  from: LogIndex,
  isCommitted: (logId: LogId) => boolean,
): Promise<LogIndex> {
  const { last } = await log.state();
  let index = from;
  while (index < last.index) {
    const entries = await log.read(index + 1, last.index + 1);
    for (const { logId } of entries) {
      if (!isCommitted(logId)) return index;
      index = logId.index;
    }
    if (entries.length === 0) break;
  }
  return index;
}

function applyAll(
  { log }: Storage,
  {
    machine,
    recovered: { state, membership },
    index,
  }: {
    readonly machine: Machine;
    readonly recovered: Awaited<ReturnType<typeof recover>>;
    readonly index: LogIndex;
  },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const applier = new Applier({
      machine,
      codec: jsonCodec,
      responseCodec: jsonCodec,
      log: { read: (from, to, maxBytes) => log.read(from, to, { maxBytes }) },
      applied: state.applied,
      membership,
      maxBatchBytes: 2 ** 20,
      onApplied: ({ last }) => {
        if (last.index === index) resolve();
      },
      onFailure: reject,
    });
    applier.applyUpTo(index);
  });
}
