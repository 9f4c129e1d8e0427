import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeCommand } from '../../src/protocol/commands.ts';
import { FrameWriter } from '../../src/store/frame-writer.ts';
import { formatVersion, magic, tags } from '../../src/store/snapshot-format.ts';
import { KvStore } from '../../src/store/store.ts';
import type { Operation } from '../../src/types.ts';
import { command } from '../store/arbitraries.ts';
import { applyAt, bytes, picture, restored, streamOf } from '../store/kit.ts';
import { appliedRecord, copied, metaAt, pictureOf, RocksKit } from './kit.ts';

const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const runs = isFull ? 300 : 25;
const timeout = isFull ? 900_000 : 120_000;

const commands = fc.array(command, { minLength: 1, maxLength: 12 });

/** Many large values, so that a snapshot has many chunks. */
const filling: Operation[] = Array.from({ length: 8 }, (_, place) => ({
  type: 'put',
  key: bytes(`large ${place}`),
  value: Buffer.alloc(40_000, place),
}));

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const chunk of copied(chunks)) all.push(chunk);
  return all;
}

async function restoreInto(kit: RocksKit, chunks: Iterable<Uint8Array>): Promise<void> {
  await kit.machine.restore(streamOf(chunks), metaAt(kit.index), [appliedRecord(kit.index)]);
}

test('a snapshot of either store is restored by the other, and both go on alike', {
  timeout,
}, async () => {
  await fc.assert(
    fc.asyncProperty(commands, commands, async (before, after) => {
      await using kit = await RocksKit.open();
      await using copy = await RocksKit.open();
      let memory = new KvStore();
      for (const operations of before) {
        await kit.apply(operations);
        applyAt(memory, kit.index, operations);
      }
      const wanted = picture(memory);

      copy.index = kit.index;
      await restoreInto(copy, memory.snapshot());
      memory = await restored(await collect(await kit.machine.snapshot()));

      expect(picture(memory)).toEqual(wanted);
      expect(await pictureOf(copy.store)).toEqual(wanted);
      for (const operations of after) {
        const [answer] = await copy.apply(operations);
        const inMemory = memory.apply(encodeCommand(operations), copy.index);
        expect(Buffer.compare(answer as Uint8Array, inMemory)).toBe(0);
      }
      await copy.reopen();
      await copy.store.trimmed();
      expect(await pictureOf(copy.store)).toEqual(picture(memory));
      expect(picture(await restored(await collect(await copy.machine.snapshot())))).toEqual(
        picture(memory),
      );
    }),
    { numRuns: runs },
  );
});

test('a snapshot that is read slowly has the state of its moment, whatever is applied meanwhile', {
  timeout,
}, async () => {
  await fc.assert(
    fc.asyncProperty(commands, commands, async (before, after) => {
      await using kit = await RocksKit.open();
      for (const operations of before) await kit.apply(operations);
      await kit.apply(filling);
      const wanted = await pictureOf(kit.store);

      const chunks: Uint8Array[] = [];
      const left = [...after];
      for await (const chunk of kit.store.snapshot()) {
        chunks.push(chunk);
        await kit.apply(left.shift() ?? filling);
        await kit.apply([{ type: 'compact', revision: kit.store.revision }]);
        await kit.store.trimmed();
      }

      expect(chunks.length).toBeGreaterThan(3);
      expect(picture(await restored(chunks))).toEqual(wanted);
    }),
    { numRuns: Math.ceil(runs / 3) },
  );
});

describe('content that is not whole', () => {
  const operations: Operation[] = [
    { type: 'leaseGrant', id: 7, ttl: 30 },
    { type: 'put', key: bytes('a'), value: bytes('1'), lease: 7 },
    { type: 'put', key: bytes('b'), value: bytes('2') },
    { type: 'put', key: bytes('b'), value: bytes('3') },
    {
      type: 'txn',
      compare: [],
      then: [
        { type: 'put', key: bytes('d'), value: bytes('4') },
        { type: 'put', key: bytes('c'), value: bytes('5') },
      ],
      else: [],
    },
    { type: 'delete', key: bytes('a') },
  ];

  async function expectRefused(kit: RocksKit, content: Uint8Array, why: RegExp): Promise<void> {
    const wanted = await pictureOf(kit.store);
    const refused = restoreInto(kit, [content]);
    await expect(refused).rejects.toMatchObject({ code: 'RAFT_DAMAGED' });
    await expect(refused).rejects.toThrow(why);
    expect(await pictureOf(kit.store)).toEqual(wanted);
  }

  test('is refused wherever it is cut off, and the old state is kept', { timeout }, async () => {
    await using kit = await RocksKit.open();
    await kit.apply(operations);
    const content = Buffer.concat(await collect(kit.store.snapshot()));
    await kit.apply([{ type: 'put', key: bytes('old'), value: bytes('state') }]);

    for (let end = 0; end < content.length; end += 17) {
      await expectRefused(kit, content.subarray(0, end), /ends/);
    }
    expect(await kit.apply(operations)).toHaveLength(1);
  });

  test('is refused if a revision has no changes, or they have no such order', async () => {
    expect.hasAssertions();
    await using kit = await RocksKit.open();
    await expectRefused(kit, made({ revision: 4 }), /changes of revision 3, and has none/);
    await expectRefused(kit, made({ revision: 2, order: 2 }), /which has not several/);
    await expectRefused(kit, made({ revision: 2, order: 3 }), /which it has not/);
    await expectRefused(kit, made({ revision: 2 }), /Its hash is/);
  });
});

/** A snapshot with one key, which revision 2 has put; its hash is wrong. */
function made({ revision, order }: { revision: number; order?: number }): Uint8Array {
  const writer = new FrameWriter();
  writer.byte(tags.head);
  writer.raw(magic);
  writer.byte(formatVersion);
  for (const number of [revision, 0, 1]) writer.number(number);
  writer.byte(tags.key);
  writer.sized('a');
  writer.byte(tags.put);
  for (const number of [2, 2, 1, 0]) writer.number(number);
  writer.sized('1');
  if (order !== undefined) {
    writer.byte(tags.order);
    for (const number of [order, 1, 0, 1]) writer.number(number);
  }
  writer.byte(tags.end);
  for (const number of [0, 1, 1]) writer.number(number);
  writer.raw('0123456789abcdef');
  return writer.take();
}
