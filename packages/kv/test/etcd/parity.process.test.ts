import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { bytesOf } from '../../src/bytes.ts';
import type { TxnOperation, TxnRequest } from '../../src/types.ts';
import type { Answer, Step } from './answers.ts';
import { EtcdServer, findProgram } from './etcd-server.ts';
import { EtcdSubject } from './etcd-subject.ts';
import { OurSubject } from './our-subject.ts';
import { resolve, step } from './steps.ts';

const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const sequences = isFull ? 3000 : 150;
/** On a busy machine there are fewer. */
const mostMs = isFull ? 900_000 : 40_000;
const mostSteps = 30;

const found = await findProgram();
if ('missing' in found) console.log(`Not compared with etcd: ${found.missing}`);
const server = 'program' in found ? await EtcdServer.start(found.program) : undefined;
afterAll(async () => server?.[Symbol.asyncDispose]());

/** What was asked, and the first answer that is not the same. */
interface Difference {
  readonly steps: readonly Step[];
  readonly etcd: Answer;
  readonly ours: Answer;
}

async function compare(etcd: EtcdSubject, drawn: readonly Step[]): Promise<Difference | undefined> {
  const ours = new OurSubject();
  await etcd.begin();
  const steps: Step[] = [];
  const differs = async (next: Step): Promise<Difference | undefined> => {
    steps.push(next);
    const own = await ours.answer(next);
    // Then nothing has changed here, and etcd is not asked.
    if (isStricter(next, own)) return undefined;
    const theirs = await etcd.answer(next);
    return isSame(next, theirs, own) ? undefined : { steps, etcd: theirs, ours: own };
  };
  for (const one of drawn) {
    const difference = await differs(resolve(one, ours.store.revision));
    if (difference !== undefined) return difference;
  }
  for (const last of lastLook(ours.store.revision, ours.store.compactedRevision)) {
    const difference = await differs(last);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

/**
 * A put in a transaction within the transaction and a delete of the same key in another one: etcd
 * refuses them in one order and not in the other, and we in both.
 */
function isStricter(asked: Step, ours: Answer): boolean {
  if (asked.type !== 'txn' || ours.type !== 'error' || ours.code !== 'KV_DUPLICATE_KEY')
    return false;
  return [...asked.then, ...asked.else].some(
    (inner) => inner.type === 'txn' && [...inner.then, ...inner.else].some(deletes),
  );
}

function deletes(operation: TxnOperation): boolean {
  if (operation.type !== 'txn') return operation.type === 'delete';
  return [...operation.then, ...operation.else].some(deletes);
}

/** What a transaction can be refused for after its keys were found to differ. */
const reasons: readonly string[] = [
  'KV_KEY_NOT_FOUND',
  'KV_LEASE_NOT_FOUND',
  'KV_COMPACTED',
  'KV_FUTURE_REVISION',
];

/** Of several reasons to refuse a transaction, it is no matter which one is told. */
function isSame(asked: Step, etcd: Answer, ours: Answer): boolean {
  if (inspect(etcd, all) === inspect(ours, all)) return true;
  if (asked.type !== 'txn' || etcd.type !== 'error' || ours.type !== 'error') return false;
  return reasonsToRefuse(asked) > 1 && reasons.includes(etcd.code) && reasons.includes(ours.code);
}

function reasonsToRefuse({ then, else: other }: TxnRequest): number {
  return [...then, ...other].reduce((sum, operation) => {
    if (operation.type === 'txn') return sum + reasonsToRefuse(operation);
    if (operation.type === 'range') return sum + (operation.revision === undefined ? 0 : 1);
    if (operation.type === 'delete') return sum;
    const keeps = operation.ignoreValue === true || operation.ignoreLease === true;
    return sum + Number(keeps) + Number((operation.lease ?? 0) !== 0);
  }, 0);
}

const all = { depth: null, maxArrayLength: null, maxStringLength: null } as const;

/** The whole state: every revision that can be read, all events, all leases. */
function lastLook(newest: number, compacted: number): readonly Step[] {
  const everything = { type: 'range', key: bytesOf('\0'), end: bytesOf('\0') } as const;
  const steps: Step[] = [{ type: 'events', from: Math.max(1, compacted) + 1 }];
  for (let revision = Math.max(1, compacted); revision <= newest; revision += 1) {
    steps.push({ ...everything, revision });
  }
  for (const id of [1, 2, 3]) steps.push({ type: 'leaseKeys', id });
  return steps;
}

// Without etcd there is nothing to compare with; it was said above what is missing.
test.skipIf(server === undefined)(
  'the store answers as etcd does, whatever it is asked in whatever order',
  async () => {
    const etcd = new EtcdSubject((server as EtcdServer).client);
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: mostSteps, size: 'max' }),
        async (drawn) => {
          const difference = await compare(etcd, drawn);

          expect(difference && inspect(difference, all)).toBeUndefined();
        },
      ),
      { numRuns: sequences, interruptAfterTimeLimit: mostMs },
    );
  },
  2 * mostMs + 60_000,
);

const a = bytesOf('a');
const put = { type: 'put', key: a, value: a } as const;
const stricter: readonly (readonly [string, readonly TxnOperation[]])[] = [
  [
    'a put and a delete of all keys from there on',
    [put, { type: 'delete', key: a, end: bytesOf('\0') }],
  ],
  [
    'a put and then a delete, each in a transaction of its own',
    [txn([put]), txn([{ type: 'delete', key: a }])],
  ],
];

function txn(then: readonly TxnOperation[]): { type: 'txn' } & TxnRequest {
  // oxlint-disable-next-line unicorn/no-thenable -- It is data.
  return { type: 'txn', compare: [], then, else: [] };
}

// Without etcd there is nothing to compare with; it was said above what is missing.
test.skipIf(server === undefined).each(stricter)(
  'one key must not be changed twice in a transaction, which etcd overlooks in %s',
  async (_, operations) => {
    const etcd = new EtcdSubject((server as EtcdServer).client);
    await etcd.begin();

    expect(await etcd.answer(txn(operations))).toMatchObject({ type: 'txn', succeeded: true });
    const ours = await new OurSubject().answer(txn(operations));
    expect(ours).toEqual({ type: 'error', code: 'KV_DUPLICATE_KEY' });
  },
);
