import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { ByteSource } from '../../src/backup/byte-source.ts';
import { openBackup } from '../../src/backup/decode.ts';
import { verifyBackup } from '../../src/backup/verify.ts';
import { KvClient } from '../../src/client.ts';
import { KvError } from '../../src/errors.ts';
import { maxOpenSnapshots } from '../../src/server/member/snapshotting.ts';
import { KvStore } from '../../src/store/store.ts';
import { MemberCluster, patience, put, until } from '../member/support/member-cluster.ts';

let cluster: MemberCluster;
let client: KvClient;

beforeAll(async () => {
  cluster = await MemberCluster.start(['a', 'b', 'c']);
  client = new KvClient({ servers: Object.values(cluster.peers) });
});

afterAll(async () => {
  await client.close();
  await cluster[Symbol.asyncDispose]();
});

/** Writes as fast as it may, until it is told to stop; returns how many were acknowledged. */
async function writeUntil(signal: AbortSignal): Promise<number> {
  let count = 0;
  while (!signal.aborted) {
    await Promise.all([1, 2, 3, 4].map((lane) => client.put(`load/${lane}`, `${count}`)));
    count += 4;
  }
  return count;
}

describe('a snapshot of a member', () => {
  test('has all that was acknowledged before, and nothing that came after its revision', async () => {
    const { revision } = await put(cluster.member('a').service, 'before', '1');
    const ending = new AbortController();
    const writing = writeUntil(ending.signal);

    const opened = await openBackup(client.snapshot(), 'it');
    const copy = new KvStore();
    await copy.restore(opened.content);
    ending.abort();

    expect(await writing).toBeGreaterThan(0);
    expect(opened.head.revision).toBeGreaterThanOrEqual(revision);
    expect(copy.revision).toBe(opened.head.revision);
    expect(copy.hash()).toBe(opened.head.hash);
    expect(opened.head.cluster).toBe((await client.status()).cluster);
  });

  test('is taken from a follower, if there is one', async () => {
    const { leader } = await client.status();

    const { head } = await openBackup(client.snapshot(), 'it');

    expect(head.member).not.toBe(leader);
  });

  test('is one of the state that all members agree on at its revision', async () => {
    const { revision } = await put(cluster.member('a').service, 'calm', '1');
    await until('all have it', () =>
      cluster.members.every(({ store }) => store.revision === revision),
    );

    const { head } = await verifyBackup(client.snapshot(), { name: 'it' });

    for (const { store } of cluster.members) expect(head.hash).toBe(store.hash());
  });

  test('is refused beyond a number of readers, and is there again when one has gone', async () => {
    const { service } = cluster.member('b');
    const readers = Array.from({ length: maxOpenSnapshots }, () => {
      const reader = service.snapshot({ ...patience(), serializable: true });
      return reader[Symbol.asyncIterator]();
    });
    for (const reader of readers) {
      await reader.next();
      await reader.next();
    }

    const refused = service.snapshot({ ...patience(), serializable: true })[Symbol.asyncIterator]();
    await expect(refused.next()).rejects.toMatchObject({ code: 'KV_LIMIT' });
    await readers[0]?.return?.();
    const again = service.snapshot({ ...patience(), serializable: true })[Symbol.asyncIterator]();
    await again.next();

    expect((await again.next()).done).toBe(false);
    for (const reader of [...readers, again]) await reader.return?.();
  });

  test('goes to another member when one does not answer', async () => {
    const followers = await cluster.followers();
    const [gone] = followers;
    if (gone === undefined) throw new Error('There is a follower.');
    await cluster.close(gone.name);

    const { head } = await verifyBackup(client.snapshot(), { name: 'it' });

    expect(head.member).not.toBe(gone.name);
    await cluster.startOne(gone.name);
    await cluster.member(gone.name).ready(patience());
  });

  test('ends with an error when its member ends in the middle', async () => {
    const big = Buffer.alloc(1_000_000, 'x');
    for (let at = 0; at < 8; at += 1) await client.put(`big/${at}`, big);
    const chunks = client.snapshot()[Symbol.asyncIterator]();
    const source = new ByteSource({ [Symbol.asyncIterator]: () => chunks });
    await source.take(200_000);
    const head = await openBackup(client.snapshot(), 'it');
    await head.close();

    const reading = (async () => {
      for (;;) {
        await turns(50);
        if ((await source.take(100_000)).length === 0) return 'the end';
      }
    })().catch((error: unknown) => error);
    await cluster.closeAll();

    expect(await reading).toBeInstanceOf(KvError);
    await cluster.startAll();
  });

  test('of a member that has lost the others is there if it need not be new', async () => {
    const names = cluster.members.map(({ name }) => name);
    const [left = '', ...gone] = names;
    for (const name of gone) await cluster.close(name);
    await using lonely = new KvClient({
      servers: [cluster.peers[left] ?? ''],
      discover: false,
      timeoutMs: 1500,
    });

    const { head } = await verifyBackup(lonely.snapshot({ serializable: true }), { name: 'it' });
    const fresh = verifyBackup(lonely.snapshot(), { name: 'it' });

    expect(head.member).toBe(left);
    await expect(fresh).rejects.toBeInstanceOf(KvError);
    for (const name of gone) await cluster.startOne(name);
    await Promise.all(cluster.members.map((member) => member.ready(patience())));
  });
});

/** Lets everything that is ready happen, so many times over. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}
