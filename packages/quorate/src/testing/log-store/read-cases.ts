import assert from 'node:assert/strict';
import type { CommandData, Entry } from '../../core/types.ts';
import { assertEntries, assertMissing, at, command, commands } from './entries.ts';
import { onNewStore } from './new-store.ts';
import type { LogStoreSuiteOptions } from './options.ts';

/** What is read is what was appended: the whole of the range, in order, and equal. */
export function readCases(options: LogStoreSuiteOptions): void {
  const { test } = options;

  test(
    'entries of every kind come back equal and in order',
    onNewStore(options, async (store, again) => {
      const membership = {
        cluster: 'cluster-1',
        voters: [['a'], ['a', 'b']],
        nodes: { a: { address: 'x:1' }, b: { data: { zone: 'süd' }, incarnation: 'disk-b' } },
        leaving: ['a'],
      };
      const data = {
        bytes: new Uint8Array([1]),
        value: undefined,
        session: { id: 3, sequence: 9 },
      };
      const raw: CommandData = { bytes: new Uint8Array([2]), raw: true, value: undefined };
      const entries: Entry[] = [
        { logId: at(1, 1), payload: { type: 'membership', membership } },
        { logId: at(2, 2), payload: { type: 'blank' } },
        command(3, 2, new Uint8Array(0)),
        { logId: at(2, 4), payload: { type: 'command', data } },
        { logId: at(2, 5), payload: { type: 'session', data: new Uint8Array([0, 255]) } },
        command(6, 3, new Uint8Array(3 * 1024 * 1024).fill(7)),
        { logId: at(3, 7), payload: { type: 'command', data: raw } },
      ];

      await store.append(entries);

      assertEntries(await (await again(store)).read(1, 8), entries);
    }),
  );

  test(
    'an empty, an inner and the whole range are read, across several appends',
    onNewStore(options, async (store) => {
      await store.append([]);
      await store.append(commands(1, 4));
      await store.append(commands(4, 5));
      await store.append(commands(5, 11));

      assert.deepEqual(await store.read(4, 4), []);
      assertEntries(await store.read(3, 8), commands(3, 8));
      assertEntries(await store.read(1, 11), commands(1, 11));
      assert.deepEqual(await store.state(), { purged: at(0, 0), last: at(1, 10) });
    }),
  );

  test(
    'a bounded read stops at the bound, but returns at least one entry',
    onNewStore(options, async (store) => {
      const big = (index: number): Entry => command(index, 1, new Uint8Array(1000).fill(index));
      await store.append([1, 2, 3, 4, 5].map(big));
      const count = async (maxBytes: number): Promise<number> =>
        (await store.read(2, 6, { maxBytes })).length;

      assertEntries(await store.read(2, 6, { maxBytes: 0 }), [big(2)]);
      assert.equal(await count(1), 1);
      assert.ok((await count(2100)) <= 2);
      assert.ok((await count(3500)) >= 2);
      assert.equal(await count(100_000), 4);
      assert.deepEqual(await store.read(2, 2, { maxBytes: 1 }), []);
    }),
  );

  test(
    'a read beyond either end is refused, never shortened',
    onNewStore(options, async (store) => {
      await assertMissing(store.read(1, 2));
      await store.append(commands(1, 11));
      await store.purge(at(1, 4));

      await assertMissing(store.read(4, 5));
      await assertMissing(store.read(3, 8));
      await assertMissing(store.read(11, 12));
      await assertMissing(store.read(8, 12));
      await assertMissing(store.read(8, 12, { maxBytes: 1 }));
      assertEntries(await store.read(5, 11), commands(5, 11));
    }),
  );

  test(
    'a read during an append sees a prefix, and one after it sees everything',
    onNewStore(options, async (store) => {
      await store.append(commands(1, 100));

      const [, seen] = await Promise.all([
        store.append(commands(100, 200)),
        store.state().then(({ last }) => store.read(1, last.index + 1)),
      ]);

      assert.ok(seen.length >= 99, `Of 99 entries, ${seen.length} were there.`);
      assertEntries(seen, commands(1, seen.length + 1));
      assertEntries(await store.read(1, 200), commands(1, 200));
    }),
  );

  test(
    'what was read does not change when the log does',
    onNewStore(options, async (store) => {
      await store.append(commands(1, 11));
      const read = await store.read(1, 11);

      await store.truncate(5);
      await store.append(commands(6, 8, 2));
      await store.purge(at(1, 3));

      assertEntries(read, commands(1, 11));
    }),
  );
}
