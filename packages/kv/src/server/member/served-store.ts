import type { ByteString } from '../../bytes.ts';
import type { FrameWriterOptions } from '../../store/frame-writer.ts';
import type { RangeRequest, RangeResponse } from '../../types.ts';
import type { Granted, LeaseStore } from '../leases/lease-clock.ts';
import type { WatchedStore } from '../watch/watched-store.ts';

/** How a member keeps its store: all in memory, or on disk with RocksDB. */
export const storeKinds = ['memory', 'rocksdb'] as const;
export type StoreKind = (typeof storeKinds)[number];

/** What a lease has beside its time; keys that are on the disk come later. */
export interface ServedLease extends Granted {
  readonly keys: readonly ByteString[] | Promise<readonly ByteString[]>;
}

/**
 * What a member needs of its store. What is in memory is answered at once, and what must be read is
 * a promise; either way it is of one moment, that of the call.
 */
export interface ServedStore extends WatchedStore, LeaseStore {
  readonly keyCount: number;
  readonly leaseCount: number;
  range(request: RangeRequest, mostBytes?: number): RangeResponse | Promise<RangeResponse>;
  lease(id: number): ServedLease | undefined;
  hash(): string;
  /** Freezes the state in the call itself; the chunks are made while they are read. */
  snapshot(options?: FrameWriterOptions): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}
