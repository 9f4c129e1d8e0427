import type { Storage } from '../../../src/contract/storage.ts';
import type { LogId, LogIndex, NodeId } from '../../../src/core/types.ts';
import { openEnvelope } from '../../../src/node/snapshot-envelope.ts';
import type { Runtime } from '../../../src/platform/runtime.ts';
import { walStorage } from '../../../src/storage/wal.ts';
import type { SimFs } from '../../../src/testing/sim-fs/sim-fs.ts';
import { type DurableModel, readDurable } from '../durable.ts';
import { type NodeView, SimViolation } from '../hooks.ts';
import { isSame, payloadHash, plainText } from './hash.ts';
import { type Ledger, nameOf } from './ledger.ts';
import type { Model } from './model.ts';
import { emptyMachine, type Replayed, replay } from './replay.ts';
import { noVote } from './seen-node.ts';
import { pictureOf } from './session-picture.ts';
import { demand, violation } from './violation.ts';

/** A node of the world has its files somewhere. */
interface WithFiles {
  readonly store: { readonly files: SimFs; readonly isDamaged?: boolean };
}

/** Nobody waits for anything while an image is read. */
const stillRuntime: Runtime = {
  now: () => 0,
  setTimer: () => ({ cancel: () => undefined }),
  random: () => 0,
  randomId: () => 'nobody',
  yieldToIo: (run) => queueMicrotask(run),
};

/**
 * What a power cut at this moment leaves of a disk, if it leaves only what is durable: read from
 * end to end, and started from as a node does.
 */
export async function readImage(
  view: NodeView & Partial<WithFiles>,
  ledger: Ledger,
): Promise<Image | undefined> {
  if (view.store === undefined || view.life === 0) return undefined;
  // Nobody can say what is left of it; its node takes no part any more.
  if (view.store.isDamaged === true) return undefined;
  const files = view.store.files.crash();
  files.capacityBytes = undefined;
  try {
    const storage = await walStorage('/data', {
      files,
      runtime: stillRuntime,
      segmentBytes: 4096,
      preallocate: false,
    });
    const content = await readDurable(storage);
    const state = await stateOf(await storage.snapshots.current());
    const replayed = await replayOf(storage, view.id, ledger);
    await storage[Symbol.asyncDispose]();
    return new Image(view.id, { content, state, replayed, acknowledged: view.durable });
  } catch (cause) {
    if (cause instanceof SimViolation) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw violation('E5', `what a power cut leaves of ${view.id} cannot be read: ${reason}`, {
      cause,
    });
  }
}

async function replayOf(storage: Storage, id: NodeId, ledger: Ledger): Promise<Replayed> {
  try {
    return await replay(storage, id, (logId) => ledger.isCommitted(logId));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw violation('E7', `no node could start from the disk of ${id}: ${reason}`, { cause });
  }
}

/** What is in a snapshot. */
async function stateOf(
  snapshot: Awaited<ReturnType<Awaited<ReturnType<typeof walStorage>>['snapshots']['current']>>,
): Promise<Replayed | undefined> {
  if (snapshot === undefined) return undefined;
  const { records, content, close } = await openEnvelope(snapshot.chunks());
  const machine = emptyMachine();
  await machine.restore(content, snapshot.meta);
  await close();
  const { index } = snapshot.meta.lastLogId;
  return { index, digest: machine.digest, sessions: pictureOf(records) };
}

interface ImageParts {
  readonly content: DurableModel;
  /** What is in its snapshot. */
  readonly state: Replayed | undefined;
  /** What a node makes of it that starts from it. */
  readonly replayed: Replayed;
  readonly acknowledged: NodeView['durable'];
}

/** What is durable on one disk, read from its files. */
export class Image {
  readonly #id: NodeId;
  readonly #parts: ImageParts;

  constructor(id: NodeId, parts: ImageParts) {
    this.#id = id;
    this.#parts = parts;
  }

  has({ term, index }: LogId, ledger: Ledger): boolean {
    const { snapshot, entries, purged } = this.#parts.content;
    if (index <= (snapshot?.lastLogId.index ?? 0)) return ledger.committed[index]?.term === term;
    return entries[index - purged.index - 1]?.logId.term === term;
  }

  /** The entries after which its states are compared. */
  get indexes(): readonly LogIndex[] {
    const { state, replayed } = this.#parts;
    return state === undefined ? [replayed.index] : [state.index, replayed.index];
  }

  /**
   * All that the disk has acknowledged is there, its snapshot is the state that it names, and what
   * comes of snapshot and log is the state that the log leads to. `sessions` has what is known of
   * them after each of `indexes`.
   */
  checkAgainst(ledger: Ledger, model: Model, sessions: ReadonlyMap<LogIndex, string>): void {
    const id = this.#id;
    const { content, acknowledged, state, replayed } = this.#parts;
    const { vote = noVote } = content;
    const before = acknowledged.vote ?? noVote;
    demand(
      vote.term > before.term || isSame(vote, before),
      'E5',
      () => `a power cut would leave ${id} the vote ${plainText(vote)}, of ${plainText(before)}`,
    );
    const covered = content.snapshot?.lastLogId.index ?? 0;
    demand(
      covered >= (acknowledged.snapshot?.lastLogId.index ?? 0),
      'E5',
      () => `a power cut would take the snapshot of ${id}, and leave one up to ${covered}`,
    );
    this.#checkEntries(covered);
    for (const entry of content.entries) {
      const known = ledger.tree.find(entry.logId);
      demand(
        known === undefined || payloadHash(known.payload) === payloadHash(entry.payload),
        'E7',
        () => `the disk of ${id} has another content of ${nameOf(entry.logId)}`,
      );
    }
    const compare = (what: string, { index, digest, sessions: own }: Replayed): void => {
      const wanted = model.digestAt(index);
      demand(
        digest === wanted,
        'E7',
        () => `${what} of ${id} holds ${digest}, and the log up to ${index} makes ${wanted}`,
      );
      demand(
        own === sessions.get(index),
        'E7',
        () => `${what} of ${id} has the sessions ${own}; at ${index} it is ${sessions.get(index)}`,
      );
    };
    if (state !== undefined) compare('the snapshot', state);
    compare('a start from the disk', replayed);
  }

  #checkEntries(covered: number): void {
    const { content, acknowledged } = this.#parts;
    const { purged, entries } = content;
    // A purge of what the log holds in another form leaves nothing of it, acknowledged or not.
    const before = acknowledged.entries[purged.index - acknowledged.purged.index - 1]?.logId;
    const isEmptied = before !== undefined && before.term !== purged.term;
    for (const { logId } of acknowledged.entries) {
      if (isEmptied || logId.index <= covered) continue;
      const found = entries[logId.index - purged.index - 1]?.logId;
      // What was being written when everything stopped may have cut it off.
      const isReplaced = (entries.at(-1)?.logId.term ?? 0) > logId.term && found === undefined;
      demand(
        found?.term === logId.term || isReplaced || (found?.term ?? 0) > logId.term,
        'E5',
        () => `a power cut would take ${nameOf(logId)} from ${this.#id}, which it had acknowledged`,
      );
    }
  }
}
