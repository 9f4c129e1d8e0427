import { expect, test } from 'vitest';
import type { Result } from '../../src/types.ts';
import { FakeClient, FakeWire } from '../client/support/fake-wire.ts';

const members = ['a:1', 'b:1', 'c:1'];
const tooLarge: Result = { type: 'error', code: 'KV_TOO_LARGE', message: 'No room is left.' };

test('writes whose results found no room beside others are sent again by themselves', async () => {
  const wire = new FakeWire(members);
  let revision = 1;
  wire.onWrite = async ({ operations }) =>
    operations.map((_, at) => {
      if (at >= 2) return tooLarge;
      revision += 1;
      return { type: 'put', revision };
    });
  await using kv = new FakeClient(wire);

  const answers = await Promise.all(
    ['a', 'b', 'c', 'd', 'e'].map((key) => kv.put(key, 'v', { previous: true })),
  );

  // Each took effect once, and was told of its own revision.
  expect(answers.map((answer) => answer.revision)).toEqual([2, 3, 4, 5, 6]);
  expect(wire.writes.map(({ operations }) => operations.length)).toEqual([5, 3, 1]);
  const numbers = wire.writes.map(({ session, sequence }) => `${session}/${sequence}`);
  expect(new Set(numbers).size).toBe(3);
  await kv.runtime.pass(10);
  expect(kv.runtime.timerCount).toBe(0);
});

test('a write whose result is too large by itself is refused, and the others are not', async () => {
  const wire = new FakeWire(members);
  wire.onWrite = async ({ operations }) =>
    operations.map((operation) =>
      operation.type === 'delete' ? tooLarge : { type: 'put', revision: 2 },
    );
  await using kv = new FakeClient(wire);

  const put = kv.put('a', 'v');
  const refused = kv.delete({ prefix: '' }, { previous: true }).catch((error: unknown) => error);
  const other = kv.put('b', 'v');

  expect(await Promise.all([put, other])).toEqual([{ revision: 2 }, { revision: 2 }]);
  expect(await refused).toMatchObject({ code: 'KV_TOO_LARGE', maybeApplied: false });
  expect(wire.writes).toHaveLength(2);
});
