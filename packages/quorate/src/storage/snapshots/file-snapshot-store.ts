import type {
  Snapshot,
  SnapshotReceiver,
  SnapshotStore,
  SnapshotWhole,
} from '../../contract/snapshot-store.ts';
import type { SnapshotMeta } from '../../core/types.ts';
import { DamagedError, StoppedError } from '../../errors.ts';
import type { FileSystem } from '../../platform/file-system.ts';
import { buggify, mark } from '../../platform/sites.ts';
import { Draft } from './draft.ts';
import { type FoundPart, findSnapshots } from './find-snapshots.ts';
import { Receiver } from './receiver.ts';
import { SavedSnapshot } from './saved-snapshot.ts';
import { SnapshotDirectory } from './snapshot-directory.ts';

export interface FileSnapshotStoreOptions {
  readonly directory: string;
  readonly files: FileSystem;
  readonly unsafeNoSync: boolean;
  /** Bytes of content with one check, up to 16 MiB. Default 64 KiB. */
  readonly blockBytes?: number;
  /** Bytes written or read at once. Default 256 KiB. */
  readonly pieceBytes?: number;
  /**
   * Bytes written between two syncs. Default 2 MiB: the log shares the disk, and its writes wait
   * behind what a sync has to write.
   */
  readonly syncBytes?: number;
}

const kibibyte = 1024;

/** Snapshots in files, one for each. Whoever opens it sees that nobody else has the folder. */
export class FileSnapshotStore implements SnapshotStore {
  readonly #directory: SnapshotDirectory;
  #current: SavedSnapshot | undefined;
  /** What a leader has sent so far: as an earlier process left it, or as it is written now. */
  #part: FoundPart | Draft | undefined;
  /** The only receiver that may add to the part. */
  #latest: Receiver | undefined = undefined;
  /** What is being saved. */
  readonly #drafts = new Set<Draft>();
  /** Replaced, and still read by somebody. */
  #retired: SavedSnapshot[] = [];
  /** What changes the current snapshot or the part happens one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined = undefined;

  /**
   * @throws {DamagedError} if what is there is not what was written, as far as can be told without
   *   reading all of it.
   */
  static async open(options: FileSnapshotStoreOptions): Promise<FileSnapshotStore> {
    const { blockBytes = 64 * kibibyte, pieceBytes = 256 * kibibyte } = options;
    const { syncBytes = 2 * 1024 * kibibyte } = options;
    const directory = new SnapshotDirectory({ ...options, blockBytes, pieceBytes, syncBytes });
    const { current, part } = await findSnapshots(directory);
    return new FileSnapshotStore(directory, current, part);
  }

  private constructor(
    directory: SnapshotDirectory,
    current: SavedSnapshot | undefined,
    part: FoundPart | undefined,
  ) {
    this.#directory = directory;
    this.#current = current;
    this.#part = part;
  }

  async current(): Promise<Snapshot | undefined> {
    this.#demandOpen();
    return this.#current?.snapshot;
  }

  async save(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#demandOpen();
    if (this.#isOld(meta)) return;
    const draft = await this.#inTurn(() => Draft.create(this.#directory, 'tmp', meta));
    this.#drafts.add(draft);
    try {
      this.#demandOpen();
      for await (const chunk of chunks) await draft.add(chunk, () => this.#demandOpen());
      await this.#inTurn(() => this.#replaceBy(draft));
    } catch (error) {
      await draft.discard(error);
      throw error;
    } finally {
      this.#drafts.delete(draft);
    }
  }

  async receive(meta: SnapshotMeta): Promise<SnapshotReceiver> {
    this.#demandOpen();
    const receiver = new Receiver({
      demandLatest: (self) => this.#demandLatest(self),
      finish: (self, whole) => this.#finish(self, whole),
      discard: (self) => this.#discard(self),
      failed: (self) => this.#discard(self),
    });
    this.#latest = receiver;
    await this.#inTurn(async () => {
      if (this.#latest !== receiver) return;
      receiver.begin(await this.#partFor(meta));
    });
    return receiver;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#turn;
    const stopped = stoppedError();
    for (const draft of this.#drafts) await draft.discard(stopped);
    if (this.#part instanceof Draft) await this.#part.keep(stopped);
    for (const saved of this.#retired) await saved.close();
    await this.#current?.close();
  }

  /** Of two that are equally new the later one counts. */
  #isOld(meta: SnapshotMeta): boolean {
    return meta.lastLogId.index < (this.#current?.index ?? 0);
  }

  /** The part with that id, or a new one. */
  async #partFor(meta: SnapshotMeta): Promise<Draft> {
    const part = this.#part;
    // A part promises nothing: one that is forgotten is received again.
    if (part?.head.meta.id === meta.id && !buggify('snapshots.forgetPart')) {
      mark('snapshots.resumedPart');
      if (part instanceof Draft) return part;
      try {
        this.#part = await Draft.resume(this.#directory, part.file, part.head);
        return this.#part;
      } catch (error) {
        await this.#dropPart(error);
        throw error;
      }
    }
    await this.#dropPart(stoppedError());
    this.#part = await Draft.create(this.#directory, 'part', meta);
    return this.#part;
  }

  #finish(receiver: Receiver, whole: SnapshotWhole): Promise<void> {
    return this.#inTurn(async () => {
      this.#demandLatest(receiver);
      const part = this.#part as Draft;
      this.#latest = undefined;
      try {
        if (part.whole.size !== whole.size || part.whole.checksum !== whole.checksum) {
          throw notTheWhole(part, whole);
        }
        if (this.#isOld(part.meta)) await this.#dropPart(stoppedError());
        else await this.#replaceBy(part);
      } catch (error) {
        await this.#dropPart(error);
        throw error;
      }
    });
  }

  #discard(receiver: Receiver): Promise<void> {
    if (receiver !== this.#latest) return Promise.resolve();
    this.#latest = undefined;
    return this.#inTurn(() => this.#dropPart(stoppedError()));
  }

  /** Makes a complete draft the current snapshot, unless a newer one has come meanwhile. */
  async #replaceBy(draft: Draft): Promise<void> {
    if (this.#isOld(draft.meta)) return draft.discard(stoppedError());
    const path = await draft.publish();
    const { head, whole, openFile: file } = draft;
    const old = this.#current;
    this.#current = new SavedSnapshot(this.#directory, { file, path, head, whole });
    if (this.#part === draft) this.#part = undefined;
    else if (this.#part !== undefined && this.#isPassed(this.#part)) {
      mark('snapshots.passedPart');
      this.#latest = undefined;
      await this.#dropPart(stoppedError());
    }
    this.#retired = this.#retired.filter(({ isInUse }) => isInUse);
    if (old === undefined) return;
    if (old.isInUse) {
      mark('snapshots.replacedWhileRead');
      this.#retired.push(old);
    }
    await old.retire();
  }

  #isPassed({ head }: FoundPart | Draft): boolean {
    return head.meta.lastLogId.index <= (this.#current?.index ?? 0);
  }

  /** Forgets what was received, in such a way that it does not come back with the next start. */
  async #dropPart(cause: unknown): Promise<void> {
    const part = this.#part;
    this.#part = undefined;
    if (part === undefined) return;
    if (part instanceof Draft) await part.discard(cause);
    else await this.#directory.removeDurably(part.file.path);
  }

  #inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(() => {
      this.#demandOpen();
      return run();
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #demandLatest(receiver: Receiver): void {
    this.#demandOpen();
    if (receiver === this.#latest) return;
    throw new StoppedError(
      'This snapshot receiver is over: it was ended, or a later one took its place.',
    );
  }

  #demandOpen(): void {
    if (this.#closed !== undefined) throw stoppedError();
  }
}

function stoppedError(): StoppedError {
  return new StoppedError('The snapshot store was closed, or the snapshot is not wanted any more.');
}

function notTheWhole(part: Draft, whole: SnapshotWhole): DamagedError {
  const came = `${part.whole.size} bytes with checksum ${part.whole.checksum}`;
  const { index } = part.meta.lastLogId;
  return new DamagedError(
    `${part.path}: the snapshot of entry ${index} should be ${whole.size} bytes with checksum ${whole.checksum}; what was received is ${came}. It was dropped; receive it anew.`,
    { file: part.path, offset: part.whole.size, index },
  );
}
