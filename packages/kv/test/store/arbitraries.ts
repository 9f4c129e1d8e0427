import fc from 'fast-check';
import type {
  Compare,
  DeleteRequest,
  KeyRange,
  Operation,
  PutRequest,
  RangeRequest,
  TxnOperation,
  TxnRequest,
} from '../../src/types.ts';

/** Few keys, so that they meet; with bytes that signed or textual orders would get wrong. */
const keys = ['a', 'b', 'ba', 'c', '\x00', '\x7f', '\x80', '\xff', '\xff\xff'];

const key = fc.constantFrom(...keys).map((text) => Buffer.from(text, 'latin1'));

const end = fc.oneof(
  key,
  fc.constantFrom(Buffer.of(0), Buffer.from('d'), Buffer.of(0xff, 0xff, 0xff)),
);

const shortValue = fc
  .constantFrom('', 'x', 'y', '\xfe\x01')
  .map((text) => Buffer.from(text, 'latin1'));

/** Large ones go other ways, in memory and in snapshots. */
const longValue = fc
  .tuple(fc.constantFrom(4096, 4097, 40_000), fc.constantFrom('p', 'q'))
  .map(([size, letter]) => Buffer.alloc(size, letter));

const value = fc.oneof({ weight: 9, arbitrary: shortValue }, { weight: 1, arbitrary: longValue });

const range: fc.Arbitrary<KeyRange> = fc.oneof(
  key.map((one) => ({ key: one })),
  fc.record({ key, end }),
);

const revision = fc.integer({ min: 0, max: 25 });
const lease = fc.constantFrom(1, 2, 3, 7);

const put: fc.Arbitrary<PutRequest> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ key, value }) },
  { weight: 2, arbitrary: fc.record({ key, value, lease }) },
  { weight: 1, arbitrary: fc.record({ key, value, previous: fc.constant(true) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      key,
      value: fc.constant(Buffer.alloc(0)),
      ignoreValue: fc.constant(true),
      previous: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ key, value, ignoreLease: fc.constant(true), previous: fc.boolean() }),
  },
);

const deletion: fc.Arbitrary<DeleteRequest> = fc
  .tuple(range, fc.boolean())
  .map(([keys_, previous]) => ({ ...keys_, previous }));

export const rangeRequest: fc.Arbitrary<RangeRequest> = fc
  .tuple(
    range,
    fc.record(
      {
        limit: fc.integer({ min: 0, max: 4 }),
        revision,
        sort: fc.record({
          target: fc.constantFrom('key', 'version', 'create', 'mod', 'value'),
          order: fc.constantFrom('ascend', 'descend'),
        }),
        keysOnly: fc.boolean(),
        countOnly: fc.boolean(),
        minModRevision: revision,
        maxModRevision: revision,
        minCreateRevision: revision,
        maxCreateRevision: revision,
      },
      { requiredKeys: [] },
    ),
  )
  .map(([keys_, options]) => ({ ...keys_, ...options }));

const result = fc.constantFrom('equal', 'notEqual', 'greater', 'less');

const compare: fc.Arbitrary<Compare> = fc.oneof(
  fc.tuple(range, result, shortValue).map(([keys_, wanted, bytes]) => ({
    ...keys_,
    result: wanted,
    target: 'value' as const,
    value: bytes,
  })),
  fc
    .tuple(
      range,
      result,
      fc.constantFrom('version', 'create', 'mod', 'lease'),
      fc.integer({ min: 0, max: 6 }),
    )
    .map(([keys_, wanted, target, number]) => ({ ...keys_, result: wanted, target, number })),
);

function txnOf(operation: fc.Arbitrary<TxnOperation>): fc.Arbitrary<TxnRequest> {
  const side = fc.array(operation, { maxLength: 3 });
  return fc.record({ compare: fc.array(compare, { maxLength: 2 }), then: side, else: side });
}

const plainTxnOperation: fc.Arbitrary<TxnOperation> = fc.oneof(
  put.map((request) => ({ type: 'put' as const, ...request })),
  deletion.map((request) => ({ type: 'delete' as const, ...request })),
  rangeRequest.map((request) => ({ type: 'range' as const, ...request })),
);

const txnOperation = fc.oneof(
  { weight: 5, arbitrary: plainTxnOperation },
  {
    weight: 1,
    arbitrary: txnOf(plainTxnOperation).map((request) => ({ type: 'txn' as const, ...request })),
  },
);

export const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: put.map((request) => ({ type: 'put' as const, ...request })) },
  { weight: 3, arbitrary: deletion.map((request) => ({ type: 'delete' as const, ...request })) },
  {
    weight: 4,
    arbitrary: txnOf(txnOperation).map((request) => ({ type: 'txn' as const, ...request })),
  },
  { weight: 1, arbitrary: revision.map((at) => ({ type: 'compact' as const, revision: at })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(0, 0, 2, 7), fc.integer({ min: 1, max: 60 }))
      .map(([id, ttl]) => ({ type: 'leaseGrant' as const, id, ttl })),
  },
  { weight: 1, arbitrary: lease.map((id) => ({ type: 'leaseRevoke' as const, id })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(lease, fc.integer({ min: 1, max: 12 }))
      .map(([id, grantedAt]) => ({ type: 'leaseRevoke' as const, id, grantedAt })),
  },
  { weight: 1, arbitrary: fc.constant({ type: 'mark' as const }) },
);

/** Operations that go through the log together. */
export const command: fc.Arbitrary<Operation[]> = fc.array(operation, {
  minLength: 1,
  maxLength: 4,
});
