import fc from 'fast-check';
import { bytesOf } from '../../src/bytes.ts';
import type {
  Compare,
  DeleteRequest,
  KeyRange,
  PutRequest,
  RangeRequest,
  Revision,
  SortOrder,
  SortTarget,
  TxnOperation,
  TxnRequest,
} from '../../src/types.ts';
import type { Step } from './answers.ts';

/*
 * Requests over few keys, so that they meet. Revisions are drawn relative to the newest one, which
 * nobody knows before: 0 is the newest itself, -3 is three before it, 1 is one that is not yet.
 */

const keys = ['a', 'ab', 'b', 'b\0', 'c', '\xff'].map(bytesOf);
const values = ['', 'x', 'y', 'yy', '\0\xff'].map(bytesOf);
const ends = [...keys, ...['bb', 'd'].map(bytesOf)];
const leases = [1, 2, 3];

const key = fc.constantFrom(...keys);
const value = fc.constantFrom(...values);
const relative = fc.integer({ min: -9, max: 2 });
/** Of something that has happened, or 0. */
const small = fc.nat(14);
const rarely = fc.oneof(
  { weight: 5, arbitrary: fc.constant(false) },
  { weight: 1, arbitrary: fc.constant(true) },
);

/** Fields that are left out about half of the time. */
function optional<Fields extends object>(
  fields: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> },
) {
  return fc.record(fields, { requiredKeys: [] }) as fc.Arbitrary<Partial<Fields>>;
}

/** A range to the end of all keys. */
const open = fc.record({
  key: fc.constantFrom(...keys, bytesOf('\0')),
  end: fc.constant(bytesOf('\0')),
});

const bounded: fc.Arbitrary<KeyRange> = fc.oneof(
  fc.record({ key }),
  fc.record({ key, end: fc.constantFrom(...ends) }),
);

const range: fc.Arbitrary<KeyRange> = fc.oneof(
  { weight: 3, arbitrary: bounded },
  { weight: 1, arbitrary: open },
);

const sort = fc.record({
  target: fc.constantFrom<SortTarget>('key', 'version', 'create', 'mod', 'value'),
  order: fc.constantFrom<SortOrder>('ascend', 'descend'),
});

const bound = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: optional({
      minModRevision: small,
      maxModRevision: small,
      minCreateRevision: small,
      maxCreateRevision: small,
    }),
  },
);

const rangeRequest: fc.Arbitrary<RangeRequest> = fc
  .tuple(
    range,
    optional({ limit: fc.nat(3), revision: relative, sort }),
    bound,
    fc.record({ keysOnly: rarely, countOnly: rarely }),
  )
  .map(([where, how, bounds, only]) => ({ ...where, ...how, ...bounds, ...only }));

/** Some contradict themselves: a value or a lease that is to be kept and comes all the same. */
const putRequest: fc.Arbitrary<PutRequest> = fc
  .tuple(
    fc.record({ key, value, previous: fc.boolean() }),
    fc.record({
      ignoreValue: rarely,
      ignoreLease: rarely,
      lease: fc.constantFrom(0, 0, ...leases),
    }),
    rarely,
  )
  .map(([put, { ignoreValue, ignoreLease, lease }, isWrong]) => ({
    ...put,
    ignoreValue,
    ignoreLease,
    value: ignoreValue && !isWrong ? bytesOf('') : put.value,
    lease: ignoreLease && !isWrong ? 0 : lease,
  }));

function deleteOf(where: fc.Arbitrary<KeyRange>): fc.Arbitrary<DeleteRequest> {
  return fc.tuple(where, fc.boolean()).map(([keysOf, previous]) => ({ ...keysOf, previous }));
}

const comparison: fc.Arbitrary<Compare> = fc
  .tuple(
    range,
    fc.constantFrom('equal' as const, 'notEqual' as const, 'greater' as const, 'less' as const),
    fc.oneof(
      fc.record({ target: fc.constant('value' as const), value }),
      fc.record({ target: fc.constantFrom('version' as const), number: fc.nat(3) }),
      fc.record({ target: fc.constantFrom('create' as const, 'mod' as const), number: small }),
      fc.record({ target: fc.constant('lease' as const), number: fc.nat(4) }),
    ),
  )
  .map(([where, result, what]) => ({ ...where, result, ...what }));

const { txn: txnRequest } = fc.letrec<{ txn: TxnRequest; operation: TxnOperation }>((tie) => ({
  txn: fc.record({
    compare: fc.array(comparison, { maxLength: 2 }),
    // oxlint-disable-next-line unicorn/no-thenable -- It is data.
    then: fc.array(tie('operation'), { maxLength: 4 }),
    else: fc.array(tie('operation'), { maxLength: 2 }),
  }),
  operation: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 4, arbitrary: putRequest.map((put) => ({ type: 'put' as const, ...put })) },
    // One to the end of all keys may meet a put of the same transaction; etcd does not see that.
    { weight: 2, arbitrary: deleteOf(bounded).map((one) => ({ type: 'delete' as const, ...one })) },
    { weight: 3, arbitrary: rangeRequest.map((one) => ({ type: 'range' as const, ...one })) },
    { weight: 2, arbitrary: tie('txn').map((one) => ({ type: 'txn' as const, ...one })) },
  ),
}));

/** With relative revisions; see `resolve`. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: putRequest.map((one) => ({ type: 'put' as const, ...one })) },
  { weight: 3, arbitrary: deleteOf(range).map((one) => ({ type: 'delete' as const, ...one })) },
  { weight: 5, arbitrary: rangeRequest.map((one) => ({ type: 'range' as const, ...one })) },
  { weight: 6, arbitrary: txnRequest.map((one) => ({ type: 'txn' as const, ...one })) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('compact' as const), revision: relative }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('leaseGrant' as const),
      id: fc.constantFrom(...leases),
      ttl: fc.integer({ min: 1000, max: 100_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom('leaseRevoke' as const, 'leaseKeys' as const),
      id: fc.constantFrom(...leases),
    }),
  },
);

/** With the revisions that are meant, now that the newest one is known. */
export function resolve(drawn: Step, newest: Revision): Step {
  switch (drawn.type) {
    case 'range':
      return { ...drawn, ...absolute(drawn, newest) };
    case 'txn':
      return { type: 'txn', ...resolveTxn(drawn, newest) };
    case 'compact':
      // Forgetting nothing is refused by a store that has forgotten all before, and by none else.
      return { type: 'compact', revision: Math.max(2, newest + drawn.revision) };
    default:
      return drawn;
  }
}

function resolveTxn({ compare, then, else: other }: TxnRequest, newest: Revision): TxnRequest {
  const inside = (operation: TxnOperation): TxnOperation => {
    if (operation.type === 'txn') return { type: 'txn', ...resolveTxn(operation, newest) };
    return operation.type === 'range'
      ? { ...operation, ...absolute(operation, newest) }
      : operation;
  };
  // oxlint-disable-next-line unicorn/no-thenable -- It is data.
  return { compare, then: then.map(inside), else: other.map(inside) };
}

function absolute({ revision }: RangeRequest, newest: Revision): { revision?: Revision } {
  return revision === undefined ? {} : { revision: Math.max(1, newest + revision) };
}
