import { inspect, isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KvMember } from '../../src/server/member.ts';
import type {
  KvEvent,
  Operation,
  RangeRequest,
  RangeResponse,
  WatchBatch,
} from '../../src/types.ts';
import { checkWatch } from '../checks/watches.ts';
import { MemberCluster, patience, until, write } from '../member/support/member-cluster.ts';
import { operation, rangeRequest } from '../store/arbitraries.ts';
import { ModelStore } from '../store/model.ts';

const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const runs = isFull ? 40 : 4;
const mostSteps = isFull ? 200 : 80;
const runMs = isFull ? 30_000 : 15_000;

type Step =
  | { readonly type: 'write'; readonly operations: readonly Operation[]; readonly at: number }
  | { readonly type: 'read'; readonly request: RangeRequest; readonly at: number }
  | { readonly type: 'transfer' | 'restart' | 'snapshot'; readonly at: number };

const at = fc.nat(2);
/**
 * What a client may ask for, to whom places in the log are not known. Time must not come in here:
 * the leases outlive the test.
 */
const timeless = operation.map((one): Operation => {
  if (one.type === 'leaseRevoke') return { type: 'leaseRevoke', id: one.id };
  return one.type === 'leaseGrant' ? { ...one, ttl: one.ttl + 10_000 } : one;
});
const some = fc.array(timeless, { minLength: 1, maxLength: 4 });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({ type: fc.constant('write' as const), operations: some, at }),
  },
  {
    weight: 20,
    arbitrary: fc.record({ type: fc.constant('read' as const), request: rangeRequest, at }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom('transfer' as const, 'restart' as const, 'snapshot' as const),
      at,
    }),
  },
);

test(
  'a cluster answers as one plain list of changes would, whoever is asked and whatever ends',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: mostSteps / 2, maxLength: mostSteps, size: 'max' }),
        async (steps) => {
          expect(await play(steps)).toBeUndefined();
        },
      ),
      // A run takes seconds, so what fails is shown as it is.
      { numRuns: runs, endOnFailure: true },
    );
  },
  runs * runMs,
);

/** Plays the steps, and returns what differs first. */
async function play(steps: readonly Step[]): Promise<string | undefined> {
  await using cluster = await MemberCluster.start(['a', 'b', 'c'], { compaction: 'off' });
  const model = new ModelStore();
  for (const [number, next] of steps.entries()) {
    const [found, wanted] = await take(next, { cluster, model });
    if (isDeepStrictEqual(found, wanted)) continue;
    return inspect({ number, steps: steps.slice(0, number + 1), found, wanted }, { depth: null });
  }
  const faults = await faultsAtEnd(cluster, model);
  return faults.length === 0 ? undefined : inspect({ steps, faults }, { depth: null });
}

/** The answers of the cluster and of the model, if there are any. */
async function take(
  next: Step,
  { cluster, model }: { readonly cluster: MemberCluster; readonly model: ModelStore },
): Promise<readonly [unknown, unknown]> {
  const member = cluster.members[next.at] as KvMember;
  switch (next.type) {
    case 'write': {
      const found = await write(member.service, next.operations);
      return [plain(found), plain(model.apply(next.operations))];
    }
    case 'read':
      return [await read(member, next.request), modelRead(model, next.request)];
    case 'transfer':
      await until('a leader is known', () => member.raft.metrics.leader !== undefined);
      await member.service.transferLeadership(undefined, patience());
      break;
    case 'restart':
      await cluster.close(member.name);
      await cluster.startOne(member.name);
      break;
    case 'snapshot':
      await member.raft.takeSnapshot();
      break;
  }
  return [undefined, undefined];
}

/** All members agree, and tell the same history to a watcher. */
async function faultsAtEnd(cluster: MemberCluster, model: ModelStore): Promise<readonly unknown[]> {
  const { revision, compactedRevision } = model;
  const from = Math.max(1, compactedRevision) + 1;
  const changes = Array.from({ length: revision + 1 - from }, (_, place) => ({
    revision: from + place,
    events: model.changesAt(from + place).map(withoutPrevious),
  }));
  const hashes = new Set<string>();
  const faults: unknown[] = [];
  for (const { service } of cluster.members) {
    await service.barrier(patience());
    hashes.add(service.hash().hash);
    if (from > revision) continue;
    const request = { key: Buffer.of(0), end: Buffer.of(0), from };
    const batches: WatchBatch[] = [];
    for await (const batch of service.watch(request, patience())) {
      batches.push(batch);
      if (batch.revision >= revision) break;
    }
    faults.push(...checkWatch({ request, from, batches, until: revision }, changes));
  }
  if (hashes.size > 1) faults.push(`The members have different states: ${[...hashes].join()}.`);
  return faults;
}

/** A pair before may be compacted, which is for the tests of the store to look at. */
function withoutPrevious({ type, kv }: KvEvent): KvEvent {
  return { type, kv };
}

async function read(member: KvMember, request: RangeRequest): Promise<unknown> {
  await member.service.barrier(patience());
  try {
    return plain(await member.service.range(request));
  } catch (error) {
    return refusalOf(error);
  }
}

function modelRead(model: ModelStore, request: RangeRequest): unknown {
  return answerOf(() => model.range(request));
}

function answerOf(range: () => RangeResponse): unknown {
  try {
    return plain(range());
  } catch (error) {
    return refusalOf(error);
  }
}

function refusalOf(error: unknown): unknown {
  if (error instanceof Error && 'code' in error) return { code: error.code };
  throw error;
}

/** Bytes as text, and errors without their words. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(
    ([name, one]) => one !== undefined && name !== 'message',
  );
  return Object.fromEntries(entries.map(([name, one]) => [name, plain(one)]));
}
