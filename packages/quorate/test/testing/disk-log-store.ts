import type { LogState, LogStore, LogWrite } from '../../src/contract/log-store.ts';
import type { Entry, Identity, LogId, LogIndex, Vote } from '../../src/core/types.ts';
import { EntryNotFoundError, StoppedError } from '../../src/errors.ts';
import { payloadSize } from '../../src/storage/payload-size.ts';
import {
  after,
  emptyContent,
  type LogContent,
  lastOf,
  type StoreWrite,
  singlesOf,
} from '../../src/testing/log-store/model.ts';
import type { LogStoreSuiteOptions } from '../../src/testing/log-store/options.ts';

export interface DiskRecord {
  readonly write: StoreWrite;
  /** How many records of the same call follow. */
  readonly following: number;
  isDamaged?: true;
}

/** A disk that keeps one record after another, and stops when the test says so. */
export class Disk {
  records: DiskRecord[] = [];
  /** How many more records are taken before the power is cut. */
  stepsLeft = Number.POSITIVE_INFINITY;
  nextFailure: string | undefined;
  isOpen = false;

  async add(record: DiskRecord): Promise<void> {
    await Promise.resolve();
    if (this.stepsLeft === 0) throw new Error('The power is cut.');
    this.stepsLeft -= 1;
    const code = this.nextFailure;
    this.nextFailure = undefined;
    if (code !== undefined) throw Object.assign(new Error(`The disk says ${code}.`), { code });
    this.records.push(record);
  }
}

/** A correct store on such a disk: what the broken ones are made from, each by one mistake. */
export class DiskLogStore implements LogStore {
  readonly disk: Disk;
  content: LogContent;
  failure: Error | undefined;
  isStopped = false;

  constructor(disk: Disk) {
    if (disk.isOpen && !this.sharesDisk()) throw new Error('The disk is open already.');
    this.disk = disk;
    this.content = this.replay(disk.records);
    disk.isOpen = true;
  }

  sharesDisk(): boolean {
    return false;
  }

  replay(records: readonly DiskRecord[]): LogContent {
    return records.reduce((content, { write, isDamaged }) => {
      if (isDamaged === true) {
        const index = lastOf(content).index + 1;
        throw new Error(`Entry ${index} is damaged; restore the disk or replace the node.`);
      }
      return after(content, write);
    }, emptyContent);
  }

  async readIdentity(): Promise<Identity | undefined> {
    this.assertOpen();
    return this.content.identity;
  }

  saveIdentity(identity: Identity): Promise<void> {
    return this.put({ type: 'saveIdentity', identity });
  }

  async readVote(): Promise<Vote | undefined> {
    this.assertOpen();
    return this.content.vote;
  }

  saveVote(vote: Vote): Promise<void> {
    return this.put({ type: 'saveVote', vote });
  }

  async state(): Promise<LogState> {
    this.assertOpen();
    return { purged: this.content.purged, last: lastOf(this.content) };
  }

  async read(from: LogIndex, to: LogIndex, options?: { maxBytes?: number }): Promise<Entry[]> {
    this.assertOpen();
    if (from === to) return [];
    const { purged } = this.content;
    if (from <= purged.index || to - 1 > lastOf(this.content).index) {
      throw new EntryNotFoundError(`Entries ${from} to ${to} are not all here.`);
    }
    let bytes = 0;
    return this.content.entries
      .filter(({ logId }) => logId.index >= from && logId.index < to)
      .filter((entry, position) => {
        bytes += payloadSize(entry);
        return position === 0 || bytes <= (options?.maxBytes ?? Number.POSITIVE_INFINITY);
      });
  }

  append(entries: readonly Entry[]): Promise<void> {
    return this.write({ append: entries });
  }

  truncate(index: LogIndex): Promise<void> {
    return this.put({ type: 'truncate', index });
  }

  purge(logId: LogId): Promise<void> {
    return this.put({ type: 'purge', logId });
  }

  /** One record for each part and each entry, in the order in which they take effect. */
  async write(parts: LogWrite): Promise<void> {
    this.assertOpen();
    const records = recordsOf(parts);
    for (const [at, record] of records.entries()) await this.put(record, records.length - 1 - at);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isStopped) return;
    this.isStopped = true;
    this.disk.isOpen = false;
  }

  async put(write: StoreWrite, following = 0): Promise<void> {
    this.assertOpen();
    if (this.failure !== undefined) throw this.failure;
    try {
      await this.disk.add({ write, following });
    } catch (error) {
      this.failure = error as Error;
      throw error;
    }
    this.content = after(this.content, write);
  }

  assertOpen(): void {
    if (this.isStopped) throw new StoppedError('The store was disposed.');
  }
}

export function recordsOf(parts: LogWrite): readonly StoreWrite[] {
  return singlesOf(parts).flatMap((single): readonly StoreWrite[] => {
    if (single.type !== 'append') return [single];
    return single.entries.map((entry) => ({ type: 'append', entries: [entry] }));
  });
}

/** Every hook of the suite, for a store on such a disk. */
export function hooksFor(
  Store: new (disk: Disk) => DiskLogStore,
): Omit<Required<LogStoreSuiteOptions>, 'test' | 'longLogEntries'> {
  const diskOf = (store: LogStore): Disk => (store as DiskLogStore).disk;
  return {
    hasWrite: true,
    open: async () => new Store(new Disk()),
    reopen: async (store) => {
      diskOf(store).isOpen = false;
      return new Store(diskOf(store));
    },
    openTwice: async (store) => new Store(diskOf(store)),
    failWrite: (store, code) => {
      diskOf(store).nextFailure = code;
    },
    damage: async (store, index) => {
      for (const record of diskOf(store).records) {
        const { write } = record;
        if (write.type === 'append' && write.entries[0]?.logId.index === index) {
          record.isDamaged = true;
        }
      }
    },
    powerCut: (work, check) => cutEverywhere(Store, work, check),
  };
}

async function cutEverywhere(
  Store: new (disk: Disk) => DiskLogStore,
  work: (store: LogStore) => Promise<void>,
  check: (store: LogStore) => Promise<void>,
): Promise<number> {
  for (let steps = 0; ; steps += 1) {
    const disk = new Disk();
    disk.stepsLeft = steps;
    const wasCut = await work(new Store(disk)).then(
      () => false,
      () => true,
    );
    disk.isOpen = false;
    disk.stepsLeft = Number.POSITIVE_INFINITY;
    const left = new Store(disk);
    await check(left);
    await left[Symbol.asyncDispose]();
    if (!wasCut) return steps + 1;
  }
}
