import assert from 'node:assert/strict';
import type { LogStore } from '../../src/contract/log-store.ts';
import type { Entry, LogId } from '../../src/core/types.ts';

export type TestFunction = (name: string, run: () => Promise<void>) => unknown;

export interface LogStoreCases {
  readonly test: TestFunction;
  /** Opens an empty store. */
  readonly open: () => Promise<LogStore>;
  /** Disposes the store and opens what it left; leave it out for a volatile store. */
  readonly reopen?: (store: LogStore) => Promise<LogStore>;
}

export function at(term: number, index: number): LogId {
  return { term, index };
}

export function command(index: number, term = 1, bytes = new Uint8Array([index % 256])): Entry {
  return {
    logId: at(term, index),
    payload: { type: 'command', data: { bytes, value: undefined } },
  };
}

/** Commands with indexes from `from` (in) to `to` (out). */
export function commands(from: number, to: number, term = 1): Entry[] {
  return Array.from({ length: to - from }, (_, count) => command(from + count, term));
}

type Body = (store: LogStore, again: (store: LogStore) => Promise<LogStore>) => Promise<void>;

/** Runs `body` on a new store. `again` closes and reopens it, where the store survives that. */
export function onNewStore({ open, reopen }: LogStoreCases, body: Body): () => Promise<void> {
  return async () => {
    let store = await open();
    try {
      await body(store, async (old) => {
        store = reopen === undefined ? old : await reopen(old);
        return store;
      });
    } finally {
      await store[Symbol.asyncDispose]();
    }
  };
}

export function assertMissing(read: Promise<unknown>): Promise<void> {
  return assert.rejects(read, { code: 'RAFT_ENTRY_NOT_FOUND' });
}
