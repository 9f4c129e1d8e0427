import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeCommand } from '../../src/protocol/commands.ts';
import { KvStore } from '../../src/store/store.ts';
import type { Operation, RangeRequest } from '../../src/types.ts';
import { command, rangeRequest } from '../store/arbitraries.ts';
import { codeOf, picture, plain } from '../store/kit.ts';
import { heldEvents, pastEvents, pictureOf, RocksKit } from './kit.ts';

const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const runs = isFull ? 400 : 40;
const timeout = isFull ? 900_000 : 120_000;

const batches = fc.array(fc.array(command, { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 8,
});

/** Applies the same to the store in memory. */
function applyInMemory(store: KvStore, index: number, operations: readonly Operation[]): Buffer {
  return Buffer.from(store.apply(encodeCommand(operations), index));
}

async function answerOf(ask: () => unknown): Promise<unknown> {
  try {
    return plain(await ask());
  } catch (error) {
    return codeOf(() => {
      throw error;
    });
  }
}

async function expectAlike(kit: RocksKit, memory: KvStore): Promise<void> {
  const { store } = kit;
  expect(store.hash()).toBe(memory.hash());
  const wanted = picture(memory);
  expect(await pictureOf(store)).toEqual(wanted);
  const past = await pastEvents(store);
  const first = Math.max(store.compactedRevision + 1, 1);
  for (const [revision, events] of heldEvents(store)) {
    expect(plain(events)).toEqual(plain(past[revision - first]));
  }
}

test('whatever it is told, it answers byte for byte what the store in memory does', {
  timeout,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      batches,
      fc.array(rangeRequest, { maxLength: 8 }),
      async (all, requests: RangeRequest[]) => {
        await using kit = await RocksKit.open();
        const memory = new KvStore();

        for (const [at, batch] of all.entries()) {
          const before = kit.index;
          const results = await kit.apply(...batch);
          const wanted = batch.map((one, place) => applyInMemory(memory, before + place + 1, one));
          for (const [place, result] of results.entries()) {
            expect(Buffer.from(result).equals(wanted[place] as Buffer)).toBe(true);
          }
          await expectAlike(kit, memory);
          const answers = requests.map((request) => answerOf(() => kit.store.range(request)));
          for (const [place, request] of requests.entries()) {
            expect(await answers[place]).toEqual(await answerOf(() => memory.range(request)));
          }
          if (at % 3 === 2) await kit.reopen();
          if (at % 4 === 1) await kit.store.trimmed();
        }
      },
    ),
    { numRuns: runs },
  );
});

test('marks and leases are told as the store in memory tells them', async () => {
  await using kit = await RocksKit.open();
  const memory = new KvStore();
  const operations: Operation[] = [
    { type: 'leaseGrant', id: 0, ttl: 5 },
    { type: 'put', key: Buffer.from('a'), value: Buffer.from('1'), lease: 1 },
    { type: 'mark' },
    { type: 'leaseRevoke', id: 1 },
    { type: 'mark' },
  ];

  await kit.apply(operations);
  applyInMemory(memory, 1, operations);

  const { changedLeases, marks } = memory.takeNews();
  expect(kit.applied).toEqual([
    {
      index: 1,
      revision: 3,
      leases: changedLeases,
      marks: marks.map((mark) => ({ ...mark, index: 1 })),
      restored: false,
    },
  ]);
});
