import type { LogState, LogStore, LogWrite } from '../../src/contract/log-store.ts';
import type { Entry, Identity, LogId, LogIndex, Vote } from '../../src/core/types.ts';
import { MemoryLogStore } from '../../src/storage/memory/log-store.ts';

type WriteName = 'saveIdentity' | 'saveVote' | 'append' | 'truncate' | 'write' | 'purge';

interface Gate {
  readonly promise: Promise<void>;
  readonly open: () => void;
}

/**
 * A log store in memory that notes every write. It can hold writes back as a slow disk does and
 * fail as a broken one does, and it sees whether the library lets writes overlap, as it never must.
 */
export class GatedStore implements LogStore {
  readonly writes: { readonly name: WriteName; readonly argument: unknown }[] = [];
  /** Writes that began before the one before them had ended. */
  readonly overlaps: string[] = [];
  /** Every call of `read`, as `from` and `to`. */
  readonly reads: { readonly from: LogIndex; readonly to: LogIndex }[] = [];
  /** Changes what `read` returns. */
  onRead: (entries: Entry[]) => Entry[] | Promise<Entry[]> = (entries) => entries;
  /** Called before each write reaches the store; throw to let it fail. */
  onWrite: (name: WriteName, argument: unknown) => void | Promise<void> = () => undefined;
  /** Is there if the store in it has one. */
  readonly write?: (write: LogWrite) => Promise<void>;
  readonly #store: LogStore;
  #gate: Gate | undefined = undefined;
  #underWay: WriteName | undefined = undefined;
  #arrivals: (() => void)[] = [];

  constructor(store: LogStore = new MemoryLogStore()) {
    this.#store = store;
    const write = store.write?.bind(store);
    if (write === undefined) return;
    this.write = (parts) => this.#write('write', parts, () => write(parts));
  }

  /** The entries of each call of `append`. */
  get appends(): readonly (readonly Entry[])[] {
    return this.writes
      .filter(({ name }) => name === 'append')
      .map(({ argument }) => argument as readonly Entry[]);
  }

  /** Holds back every write that begins from now on. */
  hold(): void {
    if (this.#gate !== undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = { promise, open: resolve };
  }

  /** Lets what is held go on, and everything after it. */
  release(): void {
    this.#gate?.open();
    this.#gate = undefined;
  }

  /** Lets what is held go on, and holds what comes after it. */
  releaseOne(): void {
    this.release();
    this.hold();
  }

  /** Resolves when a write is under way. */
  async awaitWrite(): Promise<void> {
    if (this.#underWay !== undefined) return;
    await new Promise<void>((resolve) => this.#arrivals.push(resolve));
  }

  get isWriting(): boolean {
    return this.#underWay !== undefined;
  }

  readIdentity(): Promise<Identity | undefined> {
    return this.#store.readIdentity();
  }

  readVote(): Promise<Vote | undefined> {
    return this.#store.readVote();
  }

  state(): Promise<LogState> {
    return this.#store.state();
  }

  async read(from: LogIndex, to: LogIndex, options?: { maxBytes?: number }): Promise<Entry[]> {
    this.reads.push({ from, to });
    return this.onRead(await this.#store.read(from, to, options));
  }

  saveIdentity(identity: Identity): Promise<void> {
    return this.#write('saveIdentity', identity, () => this.#store.saveIdentity(identity));
  }

  saveVote(vote: Vote): Promise<void> {
    return this.#write('saveVote', vote, () => this.#store.saveVote(vote));
  }

  append(entries: readonly Entry[]): Promise<void> {
    return this.#write('append', entries, () => this.#store.append(entries));
  }

  truncate(index: LogIndex): Promise<void> {
    return this.#write('truncate', index, () => this.#store.truncate(index));
  }

  purge(logId: LogId): Promise<void> {
    return this.#write('purge', logId, () => this.#store.purge(logId));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }

  async #write(name: WriteName, argument: unknown, run: () => Promise<void> | void): Promise<void> {
    if (this.#underWay !== undefined) this.overlaps.push(`${name} during ${this.#underWay}`);
    this.#underWay = name;
    this.writes.push({ name, argument });
    for (const arrived of this.#arrivals.splice(0)) arrived();
    try {
      await this.onWrite(name, argument);
      if (this.#gate !== undefined) await this.#gate.promise;
      await run();
    } finally {
      this.#underWay = undefined;
    }
  }
}
