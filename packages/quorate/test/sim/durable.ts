import type { LogState, LogStore, LogWrite } from '../../src/contract/log-store.ts';
import type {
  Snapshot,
  SnapshotReceiver,
  SnapshotStore,
  SnapshotWhole,
} from '../../src/contract/snapshot-store.ts';
import type { Storage } from '../../src/contract/storage.ts';
import { noLogId } from '../../src/core/log-shape.ts';
import type { Entry, Identity, LogId, LogIndex, SnapshotMeta, Vote } from '../../src/core/types.ts';
import type { Durable } from './hooks.ts';

/** What a write of the log did, as it is told to those who look on. */
export interface StoredChange extends LogWrite {
  readonly purge?: LogId;
}

/** What a disk has acknowledged, kept up to date by the store that acknowledges it. */
export class DurableModel implements Durable {
  identity: Identity | undefined = undefined;
  vote: Vote | undefined = undefined;
  purged: LogId = noLogId;
  entries: Entry[] = [];
  snapshot: SnapshotMeta | undefined = undefined;

  get last(): LogId {
    return this.entries.at(-1)?.logId ?? this.purged;
  }

  take({ identity, vote, truncate, append, purge }: StoredChange): void {
    if (identity !== undefined) this.identity = identity;
    if (vote !== undefined) this.vote = vote;
    if (truncate !== undefined) this.entries.length = Math.max(0, truncate - this.purged.index);
    if (append !== undefined) for (const entry of append) this.entries.push(entry);
    if (purge !== undefined) this.#purge(purge);
  }

  #purge(logId: LogId): void {
    if (logId.index <= this.purged.index) return;
    const at = logId.index - this.purged.index - 1;
    const isThere = this.entries[at]?.logId.term === logId.term;
    this.entries = isThere ? this.entries.slice(at + 1) : [];
    this.purged = logId;
  }
}

/** Reads a store from end to end, as a start finds it. */
export async function readDurable({ log, snapshots }: Storage): Promise<DurableModel> {
  const model = new DurableModel();
  model.identity = await log.readIdentity();
  model.vote = await log.readVote();
  const { purged, last } = await log.state();
  model.purged = purged;
  while (model.last.index < last.index) {
    const read = await log.read(model.last.index + 1, last.index + 1);
    for (const entry of read) model.entries.push(entry);
  }
  model.snapshot = (await snapshots.current())?.meta;
  return model;
}

export interface RecordingOptions {
  readonly model: DurableModel;
  /** Snapshots are read in pieces of at most so many bytes. Default: as they come. */
  readonly pieceBytes?: number;
  /** Whether the process is gone: it hears of nothing any more, so nothing is acknowledged. */
  readonly isGone?: () => boolean;
  readonly onStored: (change: StoredChange) => void;
  readonly onSnapshot: (meta: SnapshotMeta, how: 'built' | 'received') => void;
}

/** The real storage, and beside it what it has acknowledged. */
export function recordingStorage(inner: Storage, options: RecordingOptions): Storage {
  return {
    log: new RecordingLogStore(inner.log, options),
    snapshots: new RecordingSnapshotStore(inner.snapshots, options),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

class RecordingLogStore implements LogStore {
  readonly #inner: LogStore;
  readonly #options: RecordingOptions;

  constructor(inner: LogStore, options: RecordingOptions) {
    this.#inner = inner;
    this.#options = options;
  }

  get isLow(): boolean {
    return this.#inner.isLow ?? false;
  }

  readIdentity(): Promise<Identity | undefined> {
    return this.#inner.readIdentity();
  }

  saveIdentity(identity: Identity): Promise<void> {
    return this.#acknowledged(this.#inner.saveIdentity(identity), { identity });
  }

  readVote(): Promise<Vote | undefined> {
    return this.#inner.readVote();
  }

  saveVote(vote: Vote): Promise<void> {
    return this.#acknowledged(this.#inner.saveVote(vote), { vote });
  }

  state(): Promise<LogState> {
    return this.#inner.state();
  }

  read(from: LogIndex, to: LogIndex, options?: { maxBytes?: number }): Promise<Entry[]> {
    return this.#inner.read(from, to, options);
  }

  append(entries: readonly Entry[]): Promise<void> {
    return this.#acknowledged(this.#inner.append(entries), { append: entries });
  }

  truncate(index: LogIndex): Promise<void> {
    return this.#acknowledged(this.#inner.truncate(index), { truncate: index });
  }

  write(write: LogWrite): Promise<void> {
    if (this.#inner.write === undefined) throw new TypeError('The store must have write().');
    return this.#acknowledged(this.#inner.write(write), write);
  }

  purge(logId: LogId): Promise<void> {
    return this.#acknowledged(this.#inner.purge(logId), { purge: logId });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#inner[Symbol.asyncDispose]() as Promise<void>;
  }

  async #acknowledged(written: Promise<void> | void, change: StoredChange): Promise<void> {
    await written;
    const { isGone, model, onStored } = this.#options;
    if (isGone?.() === true) return;
    model.take(change);
    onStored(change);
  }
}

class RecordingSnapshotStore implements SnapshotStore {
  readonly #inner: SnapshotStore;
  readonly #options: RecordingOptions;

  constructor(inner: SnapshotStore, options: RecordingOptions) {
    this.#inner = inner;
    this.#options = options;
  }

  async current(): Promise<Snapshot | undefined> {
    const snapshot = await this.#inner.current();
    if (snapshot === undefined) return undefined;
    const { pieceBytes = Infinity } = this.#options;
    return { ...snapshot, chunks: (from) => piecesOf(snapshot.chunks(from), pieceBytes) };
  }

  async save(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#inner.save(meta, chunks);
    await this.#saved(meta, 'built');
  }

  async receive(meta: SnapshotMeta): Promise<SnapshotReceiver> {
    const receiver = await this.#inner.receive(meta);
    return {
      get offset(): number {
        return receiver.offset;
      },
      write: (chunk) => receiver.write(chunk),
      finish: async (whole: SnapshotWhole) => {
        await receiver.finish(whole);
        await this.#saved(meta, 'received');
      },
      discard: () => receiver.discard(),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#inner[Symbol.asyncDispose]() as Promise<void>;
  }

  async #saved(meta: SnapshotMeta, how: 'built' | 'received'): Promise<void> {
    const { isGone, model, onSnapshot } = this.#options;
    if (isGone?.() === true) return;
    const isOlder = meta.lastLogId.index < (model.snapshot?.lastLogId.index ?? 0);
    // The store is to drop one that is older than what is there.
    if (isOlder && (await this.#inner.current())?.meta.id !== meta.id) return;
    model.snapshot = meta;
    onSnapshot(meta, how);
  }
}

/** The same bytes in pieces of at most `size`. */
async function* piecesOf(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    if (chunk.length <= size) yield chunk;
    else for (let at = 0; at < chunk.length; at += size) yield chunk.subarray(at, at + size);
  }
}
