import type { LogStore } from '../../contract/log-store.ts';
import type { LogStoreSuiteOptions } from './options.ts';

export type Again = (store: LogStore) => Promise<LogStore>;

/** Runs `body` on a new store. `again` closes and reopens it, where the store survives that. */
export function onNewStore(
  { open, reopen }: Pick<LogStoreSuiteOptions, 'open' | 'reopen'>,
  body: (store: LogStore, again: Again) => Promise<void>,
): () => Promise<void> {
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
