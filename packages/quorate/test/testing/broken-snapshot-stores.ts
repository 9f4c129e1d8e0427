import type {
  Snapshot,
  SnapshotReceiver,
  SnapshotWhole,
} from '../../src/contract/snapshot-store.ts';
import type { SnapshotMeta } from '../../src/core/types.ts';
import { MemorySnapshotStore } from '../../src/storage/memory/snapshot-store.ts';
import { wholeOf } from '../../src/testing/snapshot-store/new-store.ts';

type Chunks = AsyncIterable<Uint8Array>;

/** A correct store that can be stopped: it takes so many chunks before the power is cut. */
export class CuttableSnapshotStore extends MemorySnapshotStore {
  stepsLeft = Number.POSITIVE_INFINITY;
  /** The next write is refused with this code. */
  failure: 'EIO' | 'ENOSPC' | undefined;

  override async save(meta: SnapshotMeta, chunks: Chunks): Promise<void> {
    await super.save(meta, this.counted(chunks));
  }

  override async receive(meta: SnapshotMeta): Promise<SnapshotReceiver> {
    this.step();
    const receiver = await super.receive(meta);
    return withCalls(receiver, {
      write: async (chunk) => {
        try {
          this.failOnce();
        } catch (error) {
          await this.refused(receiver);
          throw error;
        }
        await receiver.write(chunk);
      },
    });
  }

  async refused(receiver: SnapshotReceiver): Promise<void> {
    await receiver.discard();
  }

  failOnce(): void {
    const code = this.failure;
    this.failure = undefined;
    if (code !== undefined) throw Object.assign(new Error(code), { code });
  }

  async *counted(chunks: Chunks): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.failOnce();
      this.step();
      yield chunk;
    }
    this.step();
  }

  step(): void {
    if (this.stepsLeft === 0) throw new Error('The power is cut.');
    this.stepsLeft -= 1;
  }
}

/** A receiver some of whose calls do something else. */
function withCalls(receiver: SnapshotReceiver, calls: Partial<SnapshotReceiver>): SnapshotReceiver {
  return {
    get offset() {
      return receiver.offset;
    },
    write: (chunk) => receiver.write(chunk),
    finish: (whole) => receiver.finish(whole),
    discard: () => receiver.discard(),
    ...calls,
  };
}

class ForgetsEverything extends CuttableSnapshotStore {
  override async current(): Promise<Snapshot | undefined> {
    await super.current();
    return undefined;
  }
}

class IgnoresTheOffset extends CuttableSnapshotStore {
  override async current(): Promise<Snapshot | undefined> {
    const snapshot = await super.current();
    return snapshot && { ...snapshot, chunks: () => snapshot.chunks() };
  }
}

class ReportsAnotherSize extends CuttableSnapshotStore {
  override async current(): Promise<Snapshot | undefined> {
    const snapshot = await super.current();
    return snapshot && { ...snapshot, size: snapshot.size + 4 };
  }
}

class ReportsNoChecksum extends CuttableSnapshotStore {
  override async current(): Promise<Snapshot | undefined> {
    const snapshot = await super.current();
    return snapshot && { ...snapshot, checksum: 0 };
  }
}

/** Hands a receiver's `finish` something else than it was told. */
class FinishesOtherwise extends CuttableSnapshotStore {
  readonly #received = new Map<string, Uint8Array[]>();

  override async receive(meta: SnapshotMeta): Promise<SnapshotReceiver> {
    const receiver = await super.receive(meta);
    if (receiver.offset === 0) this.#received.set(meta.id, []);
    const received = this.#received.get(meta.id) ?? [];
    return withCalls(receiver, {
      write: async (chunk) => {
        await receiver.write(chunk);
        received.push(new Uint8Array(chunk));
      },
      finish: (whole) => receiver.finish(this.accepted(whole, wholeOf(Buffer.concat(received)))),
    });
  }

  accepted(_told: SnapshotWhole, real: SnapshotWhole): SnapshotWhole {
    return real;
  }
}

class ComparesOnlyTheSize extends FinishesOtherwise {
  override accepted(told: SnapshotWhole, real: SnapshotWhole): SnapshotWhole {
    return { ...real, size: told.size };
  }
}

class ComparesOnlyTheChecksum extends FinishesOtherwise {
  override accepted(told: SnapshotWhole, real: SnapshotWhole): SnapshotWhole {
    return { ...real, checksum: told.checksum };
  }
}

class KeepsWhatIsNotTheWhole extends CuttableSnapshotStore {
  override async receive(meta: SnapshotMeta): Promise<SnapshotReceiver> {
    const received: Uint8Array[] = [];
    const receiver = await super.receive(meta);
    return withCalls(receiver, {
      write: async (chunk) => {
        await receiver.write(chunk);
        received.push(new Uint8Array(chunk));
      },
      finish: async (whole) => {
        try {
          await receiver.finish(whole);
        } catch (error) {
          const kept = await super.receive(meta);
          for (const chunk of received) await kept.write(chunk);
          throw error;
        }
      },
    });
  }
}

/** Each receiver goes on as if it were the only one. */
class LetsOldReceiversGoOn extends CuttableSnapshotStore {
  override async receive(meta: SnapshotMeta): Promise<SnapshotReceiver> {
    const receiver = await super.receive(meta);
    return withCalls(receiver, { write: (chunk) => receiver.write(chunk).catch(() => undefined) });
  }
}

/** As a log store should, after which nobody knows what was written. */
class TakesNothingAfterAFailure extends CuttableSnapshotStore {
  #first: Error | undefined;

  override failOnce(): void {
    try {
      if (this.#first !== undefined) throw this.#first;
      super.failOnce();
    } catch (error) {
      this.#first = error as Error;
      throw error;
    }
  }
}

class KeepsQuietAboutAFailure extends CuttableSnapshotStore {
  override failOnce(): void {
    this.failure = undefined;
  }
}

class KeepsWhatTheDiskRefused extends CuttableSnapshotStore {
  override async refused(): Promise<void> {}
}

class SavesWhatCameBeforeABreak extends CuttableSnapshotStore {
  override async save(meta: SnapshotMeta, chunks: Chunks): Promise<void> {
    const failures: unknown[] = [];
    await super.save(
      meta,
      (async function* () {
        try {
          yield* chunks;
        } catch (error) {
          failures.push(error);
        }
      })(),
    );
    for (const failure of failures) throw failure;
  }
}

/** Takes what came before the power was cut for the whole. */
class TearsWhenCut extends CuttableSnapshotStore {
  override async *counted(chunks: Chunks): AsyncGenerator<Uint8Array> {
    let isCut = false;
    for await (const chunk of chunks) {
      if (this.stepsLeft === 0) isCut = true;
      else this.step();
      if (!isCut) yield chunk;
    }
  }
}

class KeepsTheMakersBuffer extends CuttableSnapshotStore {
  override async save(meta: SnapshotMeta, chunks: Chunks): Promise<void> {
    const kept: Uint8Array[] = [];
    for await (const chunk of chunks) kept.push(chunk);
    await super.save(
      meta,
      (async function* () {
        yield* kept;
      })(),
    );
  }
}

class StartsEveryReceiptAnew extends CuttableSnapshotStore {
  override async receive(meta: SnapshotMeta): Promise<SnapshotReceiver> {
    await (await super.receive(meta)).discard();
    return super.receive(meta);
  }
}

class ShowsWhatIsNotFinished extends CuttableSnapshotStore {
  override async receive(meta: SnapshotMeta): Promise<SnapshotReceiver> {
    const receiver = await super.receive(meta);
    const show = (bytes: Uint8Array): Promise<void> =>
      super.save(
        { ...meta, lastLogId: { ...meta.lastLogId, index: meta.lastLogId.index - 1 } },
        (async function* () {
          yield bytes;
        })(),
      );
    return withCalls(receiver, {
      write: async (chunk) => {
        await receiver.write(chunk);
        await show(chunk);
      },
    });
  }
}

class TakesTheLatestForTheNewest extends CuttableSnapshotStore {
  #saved = new CuttableSnapshotStore();

  override async save(meta: SnapshotMeta, chunks: Chunks): Promise<void> {
    const next = new CuttableSnapshotStore();
    await next.save(meta, chunks);
    this.#saved = next;
  }

  override current(): Promise<Snapshot | undefined> {
    return this.#saved.current();
  }
}

class AnswersAfterDisposal extends CuttableSnapshotStore {
  override async [Symbol.asyncDispose](): Promise<void> {}
}

export interface BrokenSnapshotStore {
  readonly mistake: string;
  readonly Store: new () => CuttableSnapshotStore;
  readonly noticedBy: string;
}

export const brokenSnapshotStores: readonly BrokenSnapshotStore[] = [
  broken('forgets everything', ForgetsEverything, 'a saved snapshot is read back'),
  broken('ignores the offset', IgnoresTheOffset, 'reading starts at any offset'),
  broken('reports another size', ReportsAnotherSize, 'a saved snapshot is read back'),
  broken('reports no checksum', ReportsNoChecksum, 'a received snapshot becomes'),
  broken('takes anything for whole', FinishesOtherwise, 'one that should have another checksum'),
  broken('compares only the size', ComparesOnlyTheSize, 'one that should have another checksum'),
  broken('compares only the checksum', ComparesOnlyTheChecksum, 'one that should have a larger'),
  broken('keeps what is not the whole', KeepsWhatIsNotTheWhole, 'one that should have a smaller'),
  broken('lets old receivers go on', LetsOldReceiversGoOn, 'a receiver of another id takes over'),
  broken('is silent about a failure', KeepsQuietAboutAFailure, 'a save that the disk refuses (EIO'),
  broken(
    'takes nothing after a failure',
    TakesNothingAfterAFailure,
    'a save that the disk refuses (ENO',
  ),
  broken('keeps what was refused', KeepsWhatTheDiskRefused, 'a receipt that the disk refuses (EIO'),
  broken('saves half', SavesWhatCameBeforeABreak, 'a save that breaks half-way leaves'),
  broken('tears a snapshot', TearsWhenCut, 'wherever the power is cut'),
  broken("keeps the maker's buffer", KeepsTheMakersBuffer, 'a maker may fill the same buffer'),
  broken('starts every receipt anew', StartsEveryReceiptAnew, 'a broken one is resumed'),
  broken('shows what is not finished', ShowsWhatIsNotFinished, 'a received snapshot becomes'),
  broken('goes back', TakesTheLatestForTheNewest, 'a newer snapshot replaces the older one'),
  broken('answers when disposed', AnswersAfterDisposal, 'a store that was disposed refuses'),
  // The memory store keeps no checksums, so each of them lets the flipped bit pass.
  broken('overlooks damage', CuttableSnapshotStore, 'a damaged snapshot is never read'),
];

function broken(
  mistake: string,
  Store: new () => CuttableSnapshotStore,
  noticedBy: string,
): BrokenSnapshotStore {
  return { mistake, Store, noticedBy };
}
