import type { Snapshot, SnapshotReceiver } from '../../src/contract/snapshot-store.ts';
import type { SnapshotMeta } from '../../src/core/types.ts';
import { MemorySnapshotStore } from '../../src/storage/memory/snapshot-store.ts';

type Chunks = AsyncIterable<Uint8Array>;

/** A correct store that can be stopped: it takes so many chunks before the power is cut. */
export class CuttableSnapshotStore extends MemorySnapshotStore {
  stepsLeft = Number.POSITIVE_INFINITY;

  override async save(meta: SnapshotMeta, chunks: Chunks): Promise<void> {
    await super.save(meta, this.counted(chunks));
  }

  override async receive(meta: SnapshotMeta): Promise<SnapshotReceiver> {
    this.step();
    return super.receive(meta);
  }

  async *counted(chunks: Chunks): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
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

class ForgetsEverything extends CuttableSnapshotStore {
  override async current(): Promise<Snapshot | undefined> {
    await super.current();
    return undefined;
  }
}

class IgnoresTheOffset extends CuttableSnapshotStore {
  override async current(): Promise<Snapshot | undefined> {
    const snapshot = await super.current();
    return snapshot && { meta: snapshot.meta, chunks: () => snapshot.chunks() };
  }
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
    return {
      get offset() {
        return receiver.offset;
      },
      write: async (chunk) => {
        await receiver.write(chunk);
        await show(chunk);
      },
      finish: () => receiver.finish(),
      discard: () => receiver.discard(),
    };
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
