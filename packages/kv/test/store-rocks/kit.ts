import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LibraryRecord, SnapshotMeta } from 'quorate';
import { bytesOf } from '../../src/bytes.ts';
import { encodeCommand } from '../../src/protocol/commands.ts';
import type { Applied } from '../../src/store/machine.ts';
import { RocksKvMachine, type RocksMachineOptions } from '../../src/store-rocks/machine.ts';
import type { RocksKvStore } from '../../src/store-rocks/store.ts';
import type { KeyValue, KvEvent, Operation } from '../../src/types.ts';
import { bytes, plain } from '../store/kit.ts';

/** A folder of one test, with the machine that is open in it. */
export class RocksKit implements AsyncDisposable {
  readonly folder: string = mkdtempSync(path.join(tmpdir(), 'quorate-kv-rocks-'));
  readonly applied: Applied[] = [];
  readonly #options: RocksMachineOptions;
  #machine: RocksKvMachine | undefined;
  index = 0;

  private constructor(options: RocksMachineOptions) {
    this.#options = options;
  }

  static async open(options: RocksMachineOptions = {}): Promise<RocksKit> {
    const kit = new RocksKit(options);
    await kit.reopen();
    return kit;
  }

  get machine(): RocksKvMachine {
    if (this.#machine === undefined) throw new Error('The machine is closed.');
    return this.#machine;
  }

  get store(): RocksKvStore {
    return this.machine.store;
  }

  /** Closes the machine and opens the folder again. */
  async reopen(): Promise<void> {
    await this.close();
    this.#machine = await RocksKvMachine.open(this.folder, {
      onApplied: (applied) => this.applied.push(applied),
      ...this.#options,
    });
  }

  async close(): Promise<void> {
    await this.#machine?.close();
    this.#machine = undefined;
  }

  /** Applies commands as one batch, and returns their results as they are. */
  async apply(...commands: readonly (readonly Operation[])[]): Promise<Uint8Array[]> {
    const batch = commands.map((operations) => {
      this.index += 1;
      return { logId: { term: 1, index: this.index }, command: encodeCommand(operations) };
    });
    return this.machine.apply(batch, () => [appliedRecord(this.index)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function appliedRecord(index: number): LibraryRecord {
  return { key: 'applied', value: Buffer.from(String(index)) };
}

export function metaAt(index: number): SnapshotMeta {
  const membership = { index: 1, voters: [['a']], learners: [], nodes: {} };
  return { id: 'one', lastLogId: { term: 1, index }, membership } as unknown as SnapshotMeta;
}

const everything = { key: bytes('\0'), end: bytes('\0') };

/** All that can be seen of a store, at every revision; the same as `picture` of the other one. */
export async function pictureOf(store: RocksKvStore): Promise<unknown> {
  const { revision, compactedRevision, keyCount, leaseCount } = store;
  const views: KeyValue[][] = [];
  for (let at = Math.max(compactedRevision, 1); at <= revision; at += 1) {
    views.push([...(await store.range({ ...everything, revision: at })).kvs]);
  }
  const leases: unknown[] = [];
  for (const { id, ttl, grantedAt } of store.leases()) {
    const keys = (await store.lease(id)?.keys)?.map(bytesOf);
    leases.push({ id, ttl, grantedAt, keys });
  }
  const counts = { revision, compactedRevision, keyCount, leaseCount };
  const events = await pastEvents(store);
  return plain({ ...counts, hash: store.hash(), views, events, leases });
}

/** What each revision changed, from the disk. */
export async function pastEvents(store: RocksKvStore): Promise<KvEvent[][]> {
  const first = Math.max(store.compactedRevision + 1, 1);
  const told = Array.from({ length: store.revision + 1 - first }, (): KvEvent[] => []);
  const past = store.readPast();
  try {
    for (let from = first; from <= store.revision; ) {
      const { changes, upTo } = await past.changes(from, store.revision, 3);
      const events = await past.events(changes, { previous: true });
      for (const [at, { revision }] of changes.entries()) {
        told[revision - first]?.push(events[at] as KvEvent);
      }
      from = upTo + 1;
    }
    return told;
  } finally {
    await past.done();
  }
}

/** The same from memory, as far as it reaches. */
export function heldEvents(store: RocksKvStore): Map<number, KvEvent[]> {
  const told = new Map<number, KvEvent[]>();
  for (let at = store.heldFrom; at <= store.revision; at += 1) {
    if (at <= store.compactedRevision) continue;
    const changes = store.changesAt(at) ?? [];
    told.set(
      at,
      changes.map((change) => store.eventOf(change, { previous: true })),
    );
  }
  return told;
}

export async function* copied(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield new Uint8Array(chunk);
}
