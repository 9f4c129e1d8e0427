import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KvStore } from '../../src/store/store.ts';
import type { Operation } from '../../src/types.ts';
import { command, rangeRequest } from './arbitraries.ts';
import { apply, applyAt, bytes, codeOf, picture, plain, restored } from './kit.ts';
import { ModelStore, Refusal } from './model.ts';

const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const runs = isFull ? 1500 : 120;
const timeout = isFull ? 900_000 : 30_000;

const commands = fc.array(command, { minLength: 1, maxLength: 12 });

/** What the model says of itself, in the form of `picture`. */
function modelPicture(model: ModelStore, hash: string): unknown {
  const { revision, compactedRevision, leases } = model;
  const revisions: number[] = [];
  for (let at = Math.max(compactedRevision, 1); at <= revision; at += 1) revisions.push(at);
  return plain({
    revision,
    compactedRevision,
    keyCount: model.pairsAt(revision).length,
    leaseCount: leases.length,
    hash,
    views: revisions.map((at) => model.pairsAt(at)),
    events: revisions.filter((at) => at !== compactedRevision).map((at) => model.changesAt(at)),
    leases: leases.map((lease) => ({ ...lease, keys: model.keysOf(lease.id) })),
  });
}

function answerOf(ask: () => unknown): unknown {
  try {
    return plain(ask());
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    return codeOf(() => {
      throw error;
    });
  }
}

test('the store answers as a list of all changes does, and is the same at every revision', {
  timeout,
}, () => {
  fc.assert(
    fc.property(commands, fc.array(rangeRequest, { maxLength: 8 }), (all, requests) => {
      const store = new KvStore();
      const model = new ModelStore();

      for (const [before, operations] of all.entries()) {
        const index = before + 1;
        const results = applyAt(store, index, operations);
        expect(plain(results)).toEqual(plain(model.apply(operations, index)));
        expect(picture(store)).toEqual(modelPicture(model, store.hash()));
        for (const request of requests) {
          expect(answerOf(() => store.range(request))).toEqual(
            answerOf(() => model.range(request)),
          );
        }
      }
    }),
    { numRuns: runs },
  );
});

test('a store that was restored from a snapshot goes on exactly as the original', {
  timeout,
}, async () => {
  await fc.assert(
    fc.asyncProperty(commands, commands, async (before, after) => {
      const original = new KvStore();
      for (const [at, operations] of before.entries()) applyAt(original, at + 1, operations);
      const copy = await restored(original.snapshot());
      expect(picture(copy)).toEqual(picture(original));

      for (const [at, operations] of after.entries()) {
        const index = before.length + at + 1;
        const results = applyAt(copy, index, operations);
        expect(plain(results)).toEqual(plain(applyAt(original, index, operations)));
        expect(picture(copy)).toEqual(picture(original));
      }
    }),
    { numRuns: runs },
  );
});

/** Many large values, so that a snapshot has many chunks. */
const filling: Operation[] = Array.from({ length: 8 }, (_, place) => ({
  type: 'put',
  key: bytes(`large ${place}`),
  value: Buffer.alloc(40_000, place),
}));

test('a snapshot that is read slowly has the state of its moment, whatever is applied meanwhile', {
  timeout,
}, async () => {
  await fc.assert(
    fc.asyncProperty(commands, commands, async (before, after) => {
      const store = new KvStore();
      for (const operations of before) apply(store, ...operations);
      apply(store, ...filling);
      const wanted = picture(store);

      const chunks: Uint8Array[] = [];
      const left = [...after];
      for (const chunk of store.snapshot()) {
        chunks.push(Buffer.from(chunk));
        apply(store, ...(left.shift() ?? filling));
        apply(store, { type: 'compact', revision: store.revision });
      }

      expect(chunks.length).toBeGreaterThan(3);
      expect(picture(await restored(chunks))).toEqual(wanted);
    }),
    { numRuns: Math.ceil(runs / 3) },
  );
});

test('equal states have equal hashes, however they came about, and others have others', {
  timeout,
}, () => {
  fc.assert(
    fc.property(commands, (all) => {
      const together = new KvStore();
      const apart = new KvStore();
      const hashes = new Map<string, string>();

      for (const operations of all) {
        apply(together, ...operations);
        for (const operation of operations) apply(apart, operation);
        expect(apart.hash()).toBe(together.hash());

        const state = JSON.stringify(stateOf(together));
        expect(hashes.get(together.hash()) ?? state).toBe(state);
        hashes.set(together.hash(), state);
      }
    }),
    { numRuns: runs },
  );
});

/** What the hash is of. */
function stateOf(store: KvStore): unknown {
  const { revision, compactedRevision } = store;
  const { kvs } = store.range({ key: bytes('\0'), end: bytes('\0') });
  return plain({ revision, compactedRevision, kvs, leases: [...store.leases()] });
}
