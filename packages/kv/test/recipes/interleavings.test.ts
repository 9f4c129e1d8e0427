import fc from 'fast-check';
import { expect, test } from 'vitest';

import { Counter } from '../../src/client/recipes/counter.ts';
import { DoubleBarrier } from '../../src/client/recipes/double-barrier.ts';
import { lock } from '../../src/client/recipes/lock.ts';
import type { TxnRequest } from '../../src/types.ts';
import { FakeCluster, type FakeKv, txnOf } from './fake-kv.ts';

// Each request and each answer of each client is a step, and the steps come in any order.

const runs = process.env['QUORATE_TEST_FULL'] === '1' ? 1000 : 150;
const total = Buffer.from('total');

function clusterOf(scheduler: fc.Scheduler): FakeCluster {
  return new FakeCluster((label) => scheduler.schedule(Promise.resolve(), label));
}

function put(value: number): TxnRequest {
  return txnOf({ type: 'put', key: total, value: Buffer.from(`${value}`) });
}

async function readTotal(kv: FakeKv): Promise<number> {
  return Number((await kv.read({ key: total })).kvs[0]?.value.toString() ?? '0');
}

test('under the lock nobody comes between a read and a write, in whatever order things go', () =>
  fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 4 }), async (scheduler, count) => {
      const cluster = clusterOf(scheduler);
      const tokens: number[] = [];
      const work = async (name: string): Promise<void> => {
        const kv = cluster.client(name);
        for (let round = 0; round < 2; round += 1) {
          const held = await lock(kv, 'jobs');
          tokens.push(held.fencingToken);
          const before = await readTotal(kv);
          await held.commit(put(before + 1));
          await held.unlock();
        }
      };

      await scheduler.waitFor(Promise.all(Array.from({ length: count }, (_, i) => work(`c${i}`))));

      expect(await scheduler.waitFor(readTotal(cluster.client('x')))).toBe(2 * count);
      expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
      expect(cluster.leases.size).toBe(0);
    }),
    { numRuns: runs },
  ));

test('whose lease ends at any moment, what its lock has guarded is whole', () =>
  fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.nat(60), { minLength: 1, maxLength: 4 }),
      async (scheduler, endings) => {
        const cluster = clusterOf(scheduler);
        let committed = 0;
        const work = async (name: string): Promise<void> => {
          const kv = cluster.client(name);
          for (let round = 0; round < 3; round += 1) {
            try {
              const held = await lock(kv, 'jobs');
              const before = await readTotal(kv);
              await held.commit(put(before + 1));
              committed += 1;
              await held.unlock();
            } catch (error) {
              if ((error as { code?: unknown }).code !== 'KV_NOT_HELD') throw error;
            }
          }
        };
        const end = async (steps: number): Promise<void> => {
          for (let step = 0; step < steps; step += 1) await scheduler.schedule(Promise.resolve());
          const [id] = cluster.leases.keys();
          if (id !== undefined) cluster.revoke(id);
        };

        const all = [...['a', 'b', 'c'].map(work), ...endings.map(end)];
        await scheduler.waitFor(Promise.all(all));

        expect(await scheduler.waitFor(readTotal(cluster.client('x')))).toBe(committed);
        expect(cluster.leases.size).toBe(0);
      },
    ),
    { numRuns: runs },
  ));

test('what is added comes to the total, in whatever order things go', () =>
  fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 6 }), { maxLength: 4 }),
      async (scheduler, additions) => {
        const cluster = clusterOf(scheduler);
        const adding = additions.flatMap((numbers, index) => {
          const counter = new Counter(cluster.client(`c${index}`), 'hits');
          return numbers.map((number) => counter.add(number));
        });

        await scheduler.waitFor(Promise.all(adding));

        const reading = new Counter(cluster.client('x'), 'hits').get();
        const wanted = additions.flat().reduce((sum, number) => sum + number, 0);
        expect(await scheduler.waitFor(reading)).toBe(wanted);
      },
    ),
    { numRuns: runs },
  ));

test('nobody begins a round before all have come, nor ends one before all have left', () =>
  fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 4 }), async (scheduler, count) => {
      const cluster = clusterOf(scheduler);
      const rounds = 3;
      let [coming, leaving] = [0, 0];
      const work = async (name: string): Promise<void> => {
        const barrier = new DoubleBarrier(cluster.client(name), 'start', count);
        for (let round = 1; round <= rounds; round += 1) {
          coming += 1;
          const place = await barrier.enter();
          expect(coming).toBeGreaterThanOrEqual(round * count);
          leaving += 1;
          await place.leave();
          expect(leaving).toBeGreaterThanOrEqual(round * count);
        }
      };

      await scheduler.waitFor(Promise.all(Array.from({ length: count }, (_, i) => work(`c${i}`))));

      expect(leaving).toBe(rounds * count);
    }),
    { numRuns: runs },
  ));
