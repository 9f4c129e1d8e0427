import type { Committed } from '../../src/contract/state-machine.ts';
import { noLogId } from '../../src/core/log-shape.ts';
import type { SnapshotMeta } from '../../src/core/types.ts';
import { Applier } from '../../src/node/applier.ts';
import { jsonCodec } from '../../src/node/codec.ts';
import { Machine } from '../../src/node/machine.ts';
import { completeConfig, type RaftConfig } from '../../src/node/options.ts';
import { Snapshotter } from '../../src/node/snapshotter.ts';
import { MemorySnapshotStore } from '../../src/storage/memory/snapshot-store.ts';
import { commandEntry } from './entries.ts';
import { memberOf, Stream } from './snapshots.ts';
import { settle, VirtualRuntime } from './virtual-runtime.ts';

/** An entry counts as this many bytes: 36 of payload and 64 for its frame. */
export const entryBytes = 100;

/** Fails to save, or waits with it, as the test says; sees builds that overlap. */
class WatchedStore extends MemorySnapshotStore {
  saves = 0;
  overlaps = 0;
  onSave: () => void | Promise<void> = () => undefined;
  #underWay = 0;

  override async save(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.saves += 1;
    this.#underWay += 1;
    if (this.#underWay > 1) this.overlaps += 1;
    try {
      await this.onSave();
      await super.save(meta, chunks);
    } finally {
      this.#underWay -= 1;
    }
  }
}

/** A snapshotter with a real applier over an endless log of commands, one in each batch. */
export class SnapshotterUnderTest {
  readonly runtime = new VirtualRuntime();
  readonly store = new WatchedStore();
  readonly built: [index: number, purgeTo: number][] = [];
  readonly snapshotter: Snapshotter;
  readonly applier: Applier;
  stateBytes = 10;
  onSnapshot: () => void | Promise<void> = () => undefined;
  /** What the state machine handed out last. */
  stream: Stream | undefined = undefined;
  #applied = 0;

  constructor(config: Partial<RaftConfig> = {}) {
    const machine = new Machine({
      apply: (batch: readonly Committed<unknown>[]) => batch.map(() => undefined),
      snapshot: async () => {
        await this.onSnapshot();
        this.stream = new Stream(new Uint8Array(this.stateBytes), 10);
        return this.stream;
      },
      restore: async () => undefined,
    });
    this.applier = new Applier({
      machine,
      codec: jsonCodec,
      responseCodec: jsonCodec,
      log: { read: (from) => [commandEntry(1, from, entryBytes - 64)] },
      applied: noLogId,
      membership: memberOf(['a']),
      maxBatchBytes: 1,
      onApplied: (batch) => this.snapshotter.applied(batch),
      onFailure: (cause) => {
        throw cause;
      },
    });
    this.snapshotter = new Snapshotter(this.applier, {
      id: 'a',
      store: this.store,
      machine,
      config: completeConfig({ snapshotAfterBytes: 1e9, keepBytes: 0, ...config }),
      runtime: this.runtime,
      newest: undefined,
      purged: 0,
      onBuilt: ({ lastLogId }, purgeTo) => this.built.push([lastLogId.index, purgeTo]),
    });
  }

  /** Applies `count` more entries, one after another. */
  async apply(count: number): Promise<void> {
    this.#applied += count;
    this.applier.applyUpTo(this.#applied);
    await settle();
    await settle();
  }

  /** Applies them with a moment for everybody after each. */
  async applyEach(count: number): Promise<void> {
    for (let one = 0; one < count; one += 1) await this.apply(1);
  }

  /** The state machine's state is replaced, as the node does it. */
  async install(index: number, size: number): Promise<void> {
    await this.snapshotter.beginInstall();
    this.snapshotter.restored({ lastLogId: { term: 1, index }, size });
    this.snapshotter.endInstall();
  }

  async currentIndex(): Promise<number> {
    return (await this.store.current())?.meta.lastLogId.index ?? 0;
  }
}
