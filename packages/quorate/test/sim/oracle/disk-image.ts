import type { LogId, NodeId } from '../../../src/core/types.ts';
import { openEnvelope } from '../../../src/node/snapshot-envelope.ts';
import type { Runtime } from '../../../src/platform/runtime.ts';
import { walStorage } from '../../../src/storage/wal.ts';
import type { SimFs } from '../../../src/testing/sim-fs/sim-fs.ts';
import { type DurableModel, readDurable } from '../durable.ts';
import type { NodeView } from '../hooks.ts';
import { KeyValueMachine } from '../machine.ts';
import { isSame, payloadHash, plainText } from './hash.ts';
import { type Ledger, nameOf } from './ledger.ts';
import type { Model } from './model.ts';
import { noVote } from './seen-node.ts';
import { demand, violation } from './violation.ts';

/** A node of the world has its files somewhere. */
interface WithFiles {
  readonly store: { readonly files: SimFs };
}

/** Nobody waits for anything while an image is read. */
const stillRuntime: Runtime = {
  now: () => 0,
  setTimer: () => ({ cancel: () => undefined }),
  random: () => 0,
  randomId: () => 'nobody',
  yieldToIo: (run) => queueMicrotask(run),
};

/** What a power cut at this moment leaves of a disk, if it leaves only what is durable. */
export async function readImage(view: NodeView & Partial<WithFiles>): Promise<Image | undefined> {
  if (view.store === undefined || view.life === 0) return undefined;
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
    await storage[Symbol.asyncDispose]();
    return new Image(view.id, { content, state, acknowledged: view.durable });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw violation('E5', `what a power cut leaves of ${view.id} cannot be read: ${reason}`, {
      cause,
    });
  }
}

/** The digest of the state in a snapshot. */
async function stateOf(
  snapshot: Awaited<ReturnType<Awaited<ReturnType<typeof walStorage>>['snapshots']['current']>>,
): Promise<string | undefined> {
  if (snapshot === undefined) return undefined;
  const { content, close } = await openEnvelope(snapshot.chunks());
  const nothing = (): void => undefined;
  const witness = { applied: nothing, frozen: nothing, restored: nothing };
  const machine = new KeyValueMachine({ chunkBytes: 1024, witness });
  await machine.restore(content, snapshot.meta);
  await close();
  return machine.digest;
}

interface ImageParts {
  readonly content: DurableModel;
  /** The digest of the state in its snapshot. */
  readonly state: string | undefined;
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

  /** All that the disk has acknowledged is there, and its snapshot is the state that it names. */
  checkAgainst(ledger: Ledger, model: Model): void {
    const id = this.#id;
    const { content, acknowledged, state } = this.#parts;
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
    const wanted = model.digestAt(covered);
    demand(
      state === undefined || state === wanted,
      'E7',
      () => `the snapshot of ${id} holds ${state}, and its log up to ${covered} makes ${wanted}`,
    );
  }

  #checkEntries(covered: number): void {
    const { content, acknowledged } = this.#parts;
    const { purged, entries } = content;
    for (const { logId } of acknowledged.entries) {
      if (logId.index <= covered) continue;
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
