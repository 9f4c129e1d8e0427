import { expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';

import { Collection } from '../../src/client/collection.ts';
import type { StandardSchema } from '../../src/client/recipes/standard-schema.ts';
import { FakeCluster, type FakeKv, settled, txnOf } from './fake-kv.ts';

const userSchema = z.object({
  name: z.string().min(1),
  age: z.number().int(),
  role: z.enum(['admin', 'guest']).default('guest'),
});

type Users = Collection<typeof userSchema>;

function usersOf(kv: FakeKv): Users {
  return new Collection(kv, 'users', userSchema);
}

/** Puts bytes past the collection, as another program would. */
async function putRaw(kv: FakeKv, key: string, text: string): Promise<void> {
  const put = { type: 'put', key: Buffer.from(key), value: Buffer.from(text) } as const;
  await kv.commit(txnOf(put));
}

async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const ada = { name: 'Ada', age: 36 };
const grace = { name: 'Grace', age: 47, role: 'admin' as const };

test('what is put can be got, as the schema makes it, with its revisions', async () => {
  const users = usersOf(new FakeCluster().client('a'));

  const put = await users.put('ada', ada);
  await users.put('grace', grace);
  const again = await users.put('ada', { ...ada, age: 37 });
  const got = await users.get('ada');

  expect(put.value).toEqual({ ...ada, role: 'guest' });
  expect(got).toEqual({
    id: 'ada',
    key: 'users/ada',
    value: { name: 'Ada', age: 37, role: 'guest' },
    revision: again.revision,
    createRevision: put.revision,
    version: 2,
  });
  expect(got).toEqual(again);
  expect(await users.get('nobody')).toBeUndefined();
  expectTypeOf(put.value.role).toEqualTypeOf<'admin' | 'guest'>();
});

test('what does not fit is not written, and the error says what is wrong where', async () => {
  const cluster = new FakeCluster();
  const users = usersOf(cluster.client('a'));

  const failing = users.put('ada', { name: '', age: 1.5 });

  await expect(failing).rejects.toMatchObject({
    code: 'KV_DOCUMENT_INVALID',
    key: 'users/ada',
    issues: [{ path: ['name'] }, { path: ['age'] }],
    message: expect.stringMatching(/"users\/ada" was not written: .*name: .*age: /) as unknown,
  });
  expect(cluster.store.revision).toBe(1);
});

test('a document in the store that does not fit is named, with what is wrong', async () => {
  const kv = new FakeCluster().client('a');
  const users = usersOf(kv);
  await putRaw(kv, 'users/ada', '{"name":"Ada","age":"old"}');
  await putRaw(kv, 'users/bob', '{"name":');
  await putRaw(kv, 'users/c/d', '{}');

  const wrong = users.get('ada');
  const noJson = users.update('bob', () => ada);
  const stray = allOf(users.list());

  await expect(wrong).rejects.toMatchObject({
    code: 'KV_DOCUMENT_INVALID',
    revision: 2,
    issues: [{ path: ['age'] }],
    message: expect.stringContaining('"users/ada" in the store') as unknown,
  });
  await expect(noJson).rejects.toThrow(/"users\/bob".*no JSON/);
  await expect(stray).rejects.toMatchObject({ key: 'users/ada' });
  await users.put('ada', ada);
  await users.put('bob', ada);
  await expect(allOf(users.list())).rejects.toMatchObject({ key: 'users/c/d' });
});

test('what is no JSON is refused before anything is sent', async () => {
  const anything: StandardSchema = {
    '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
  };
  const cluster = new FakeCluster();
  const things = new Collection(cluster.client('a'), 'things', anything);

  await expect(things.put('a', undefined)).rejects.toThrow('undefined is no JSON');
  await expect(things.put('a', 1n)).rejects.toThrow(/no JSON: .*BigInt/);

  expect(cluster.store.revision).toBe(1);
});

/** A schema made by hand, that takes its time: pairs of numbers, as their sum. */
const sums: StandardSchema<readonly [number, number], number> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async (value) => {
      await settled();
      if (!Array.isArray(value)) return { issues: [{ message: 'wanted a pair' }] };
      const wrong = value.findIndex((one) => typeof one !== 'number');
      if (wrong >= 0) return { issues: [{ message: 'wanted a number', path: [{ key: wrong }] }] };
      return { value: Number(value[0]) + Number(value[1]) };
    },
  },
};

test('any schema of the standard will do; the store keeps what was given', async () => {
  const cluster = new FakeCluster();
  const totals = new Collection(cluster.client('a'), 'totals', sums);

  const put = await totals.put('one', [1, 2]);
  await totals.update('one', (document) => [document?.value ?? 0, 10]);

  expectTypeOf(put.value).toEqualTypeOf<number>();
  expect(put.value).toBe(3);
  expect((await totals.get('one'))?.value).toBe(13);
  const stored = cluster.store.range({ key: Buffer.from('totals/one') }).kvs[0]?.value;
  expect(Buffer.from(stored ?? []).toString()).toBe('[3,10]');
  const failing = totals.put('two', [1, NaN]);
  await expect(failing).rejects.toMatchObject({ issues: [{ path: [1] }] });
});

test('to create refuses an id that is taken, also in a race', async () => {
  const cluster = new FakeCluster();
  const [a, b] = [usersOf(cluster.client('a')), usersOf(cluster.client('b'))];

  const race = await Promise.allSettled([a.create('ada', ada), b.create('ada', grace)]);

  expect(race.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(race.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'KV_DOCUMENT_EXISTS', key: 'users/ada' },
  });
  expect((await a.get('ada'))?.version).toBe(1);
});

test('updates at the same time all take effect, on what the others made of it', async () => {
  const cluster = new FakeCluster();
  const all = ['a', 'b', 'c', 'd', 'e'].map((name) => usersOf(cluster.client(name)));
  await all[0]?.put('ada', { ...ada, age: 0 });

  await Promise.all(
    all.map((users) =>
      users.update(
        'ada',
        (document) => document && { ...document.value, age: document.value.age + 1 },
      ),
    ),
  );

  expect((await all[0]?.get('ada'))?.value.age).toBe(5);
});

test('an update may leave things as they are, create what is missing, and be given up', async () => {
  const cluster = new FakeCluster();
  const users = usersOf(cluster.client('a'));
  const other = usersOf(cluster.client('b'));

  const nothing = await users.update('ada', () => undefined);
  const created = await users.update('ada', (document) => (document ? undefined : ada));
  const kept = await users.update('ada', () => undefined);
  const losing = users.update(
    'ada',
    async () => {
      await other.put('ada', grace);
      return ada;
    },
    { maxTries: 3 },
  );

  expect([nothing, created?.version, kept]).toEqual([undefined, 1, created]);
  await expect(losing).rejects.toMatchObject({ code: 'KV_CONFLICT' });
  expect((await users.get('ada'))?.version).toBe(4);
});

test('a change can be bound to the revision that it was made from', async () => {
  const users = usersOf(new FakeCluster().client('a'));
  const first = await users.put('ada', ada);
  const second = await users.put('ada', grace, { ifRevision: first.revision });

  const stale = [
    users.put('ada', ada, { ifRevision: first.revision }),
    users.delete('ada', { ifRevision: first.revision }),
    users.put('ada', ada, { ifRevision: 0 }),
  ];

  for (const failing of stale) await expect(failing).rejects.toMatchObject({ code: 'KV_CONFLICT' });
  expect(await users.get('ada')).toEqual(second);
  expect(await users.delete('ada', { ifRevision: second.revision })).toBe(true);
  expect(await users.delete('ada')).toBe(false);
});

test('an update keeps the lease of the document, and its end deletes it', async () => {
  const cluster = new FakeCluster();
  const kv = cluster.client('a');
  const users = usersOf(kv);
  const lease = await kv.grantLease(5);
  await users.put('ada', ada, { lease: lease.id });

  await users.update('ada', () => grace);
  await lease.revoke();

  expect(await users.get('ada')).toBeUndefined();
});

test('ids may be anything that is text, and stay apart', async () => {
  const ids = ['a', 'a/b', 'a%2Fb', 'a b', 'ü', '..', '/', '%', '\0', '🦉', 'users/a'];
  const users = usersOf(new FakeCluster().client('a'));

  for (const [age, id] of ids.entries()) await users.create(id, { name: 'x', age });

  const listed = await allOf(users.list());
  expect(listed.map(({ id }) => id).sort()).toEqual(ids.toSorted());
  for (const [age, id] of ids.entries()) expect((await users.get(id))?.value.age).toBe(age);
  await expect(users.get('')).rejects.toThrow('The id of a document');
  await expect(users.put('\ud800', ada)).rejects.toThrow('well-formed Unicode');
});

test('a collection lists its own documents alone, and the name of the recipes is taken', async () => {
  const kv = new FakeCluster().client('a');
  await new Collection(kv, 'users', userSchema).put('ada', ada);
  await new Collection(kv, 'users/old', userSchema).put('bob', ada);
  await new Collection(kv, 'users2', userSchema).put('cy', ada);

  expect((await allOf(usersOf(kv).list())).map(({ id }) => id)).toEqual(['ada']);
  expect(await usersOf(kv).count()).toBe(1);
  expect(() => new Collection(kv, 'quorate', userSchema)).toThrow('it is taken');
});

test('a list is of one revision, however many pages it takes and whatever happens', async () => {
  const users = usersOf(new FakeCluster().client('a'));
  const ids = Array.from({ length: 10 }, (_, index) => `u${index}`);
  for (const id of ids) await users.put(id, ada);
  const seen: string[] = [];

  for await (const { id, value } of users.list({ pageSize: 3 })) {
    seen.push(`${id} ${value.name}`);
    await users.delete('u9');
    await users.put('u8', grace);
    await users.put(`new${seen.length}`, ada);
  }

  expect(seen).toEqual(ids.map((id) => `${id} Ada`));
  await expect(users.list({ pageSize: 0 }).next()).rejects.toThrow(RangeError);
});

test('a watch tells each change once, typed, from where it is told to begin', async () => {
  const users = usersOf(new FakeCluster().client('a'));
  const first = await users.put('ada', ada);
  await users.put('grace', grace);
  await users.delete('ada');

  const events = users.watch({ from: first.revision });
  const told = [await events.next(), await events.next(), await events.next()];

  expect(told.map(({ value }) => value)).toMatchObject([
    { type: 'put', document: { id: 'ada', value: { role: 'guest' } } },
    { type: 'put', document: { id: 'grace' } },
    { type: 'delete', id: 'ada', key: 'users/ada', revision: first.revision + 2 },
  ]);
});

test('a watch can begin with what is there, and goes on without a gap', async () => {
  const cluster = new FakeCluster();
  const users = usersOf(cluster.client('a'));
  const writer = usersOf(cluster.client('b'));
  const stopping = new AbortController();
  const { signal } = stopping;
  await writer.put('ada', ada);
  await writer.put('grace', grace);
  const told: string[] = [];

  const watching = (async () => {
    for await (const event of users.watch({ current: true, signal })) {
      told.push(event.type === 'put' ? `+${event.document.id}` : `-${event.id}`);
      if (told.length === 1) await writer.put('joan', ada);
      if (told.length === 3) await writer.delete('ada');
      if (told.length === 4) stopping.abort(new Error('seen enough'));
    }
  })();

  await expect(watching).rejects.toThrow('seen enough');
  expect(told).toEqual(['+ada', '+grace', '+joan', '-ada']);
});

test('a watch that meets a wrong document says where to go on', async () => {
  const kv = new FakeCluster().client('a');
  const users = usersOf(kv);
  const first = await users.put('ada', ada);
  await putRaw(kv, 'users/bob', 'x');
  await users.put('cy', ada);
  const events = users.watch({ from: first.revision });
  await events.next();

  const error: unknown = await events.next().catch((reason: unknown) => reason);

  expect(error).toMatchObject({ key: 'users/bob', revision: first.revision + 1 });
  const { revision } = error as { readonly revision: number };
  const next = await users.watch({ from: revision + 1 }).next();
  expect(next.value).toMatchObject({ document: { id: 'cy' } });
});
