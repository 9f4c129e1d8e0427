import { describe, expect, test } from 'vitest';

import { bumpRevision } from '../../src/backup/bump.ts';
import { KvStore } from '../../src/store/store.ts';
import { apply, bytes, codeOf, pairs, put, restored, run } from '../store/kit.ts';
import { fullStore } from './support/backups.ts';

async function* contentOf(store: KvStore): AsyncGenerator<Uint8Array> {
  yield* store.snapshot();
}

describe('a state whose revision was bumped', () => {
  test('has the same pairs and leases, and no past', async () => {
    const store = fullStore();

    const made = await bumpRevision(contentOf(store), 1000);
    const bumped = await restored(made.chunks);

    expect(bumped.revision).toBe(store.revision + 1000);
    expect(made).toMatchObject({ revision: bumped.revision, hash: bumped.hash() });
    expect(pairs(bumped)).toEqual(pairs(store));
    expect([...bumped.leases()]).toEqual([...store.leases()]);
    expect(bumped.lease(77)?.keys).toEqual(store.lease(77)?.keys);
    expect(codeOf(() => bumped.changesAt(store.revision))).toBe('KV_COMPACTED');
    expect(codeOf(() => bumped.changesAt(bumped.revision))).toBe('KV_COMPACTED');
  });

  test('goes on like any other, and what it makes can be watched', async () => {
    const store = fullStore();
    const bumped = await restored((await bumpRevision(contentOf(store), 1000)).chunks);

    const revision = put(bumped, 'new', '1');

    expect(revision).toBe(store.revision + 1001);
    expect(bumped.changesAt(revision)).toMatchObject([{ key: 'new', type: 'put' }]);
    const [granted] = apply(bumped, { type: 'leaseGrant', ttl: 5 });
    expect(granted).toMatchObject({ id: expect.any(Number) as number });
    expect((granted as { readonly id: number }).id).toBeGreaterThan(1000);
  });

  test('is refused where revisions would soon be no whole numbers any more', async () => {
    const store = fullStore();

    await expect(bumpRevision(contentOf(store), 2 ** 53 - 1)).rejects.toThrow(RangeError);
    await expect(bumpRevision(contentOf(store), 2 ** 52)).rejects.toThrow('Give a smaller bump');
  });

  test('keeps deletes out, and takes large states in many frames', async () => {
    const store = new KvStore();
    for (let at = 0; at < 500; at += 1) put(store, `key ${at}`, 'x'.repeat(1000));
    for (let at = 0; at < 500; at += 2) put(store, `key ${at}`, undefined);
    run(store, { type: 'put', key: bytes('last'), value: bytes('1') });

    const { chunks } = await bumpRevision(contentOf(store), 7);

    expect(chunks.length).toBeGreaterThan(3);
    expect(pairs(await restored(chunks))).toEqual(pairs(store));
  });
});
