import { encodeCommand } from '../../src/protocol/commands.ts';
import { decodeResults } from '../../src/protocol/results.ts';
import { KvStore } from '../../src/store/store.ts';
import type { Operation, TxnOperation } from '../../src/types.ts';
import type { Write } from './fake-store.ts';
import type { StoreUnderTest } from './game.ts';
import { bytes } from './kit.ts';

/** The store of the servers. */
export function storeUnderTest(): StoreUnderTest & { readonly store: KvStore } {
  const store = new KvStore();
  return {
    store,
    watched: store,
    txn: (writes) => {
      const then = writes.map(operationOf);
      const [only] = then;
      if (then.length === 1 && only !== undefined) apply(store, only);
      // oxlint-disable-next-line unicorn/no-thenable -- It is data.
      else apply(store, { type: 'txn', compare: [], then, else: [] });
    },
    compact: (revision) => apply(store, { type: 'compact', revision }),
  };
}

export function apply(store: KvStore, operation: Operation): void {
  const [result] = decodeResults(store.apply(encodeCommand([operation])));
  if (result?.type === 'error') throw new Error(`${result.code}: ${result.message}`);
}

function operationOf([key, value]: Write): TxnOperation & Operation {
  if (value === undefined) return { type: 'delete', key: bytes(key) };
  return { type: 'put', key: bytes(key), value: bytes(value) };
}
