import fc from 'fast-check';
import type {
  Compare,
  KeyRange,
  KeyValue,
  KvEvent,
  Operation,
  RangeRequest,
  RangeResponse,
  Result,
  TxnOperation,
  TxnRequest,
  TxnResponse,
  TxnResult,
  WatchBatch,
  WatchRequest,
} from '../../src/types.ts';

/*
 * Everything that can be said in the protocol, as fast-check draws it: in the one form that comes
 * out of a decoder again, where what means nothing (a lease of 0, an empty end) is left out.
 */

type Arbitrary<Value> = fc.Arbitrary<Value>;

export const u53: Arbitrary<number> = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  fc.constantFrom(2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
);
const named: Arbitrary<number> = u53.filter((number) => number > 0);
export const key: Arbitrary<Uint8Array> = fc.uint8Array({ minLength: 1, maxLength: 50 });
export const value: Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 100 });
const yes = fc.constant(true as const);

/** Only some of these fields. */
function some<Shape extends object>(
  fields: {
    [Name in keyof Shape]: Arbitrary<Shape[Name]>;
  },
): Arbitrary<Partial<Shape>> {
  return fc.record(fields, { requiredKeys: [] }) as Arbitrary<Partial<Shape>>;
}

/** Both of them, as one object. */
function both<One extends object, Other extends object>(
  one: Arbitrary<One>,
  other: Arbitrary<Other>,
): Arbitrary<One & Other> {
  return fc.tuple(one, other).map(([first, second]) => ({ ...first, ...second }));
}

function typed<Type extends string, Value extends object>(
  type: Type,
  values: Arbitrary<Value>,
): Arbitrary<{ readonly type: Type } & Value> {
  return values.map((drawn) => ({ type, ...drawn }));
}

const keyRange: Arbitrary<KeyRange> = both(
  fc.record({ key }),
  some({ end: key }),
) as Arbitrary<KeyRange>;

export const rangeRequest: Arbitrary<RangeRequest> = both(
  keyRange,
  some({
    limit: named,
    revision: named,
    sort: fc.record({
      target: fc.constantFrom('key', 'version', 'create', 'mod', 'value'),
      order: fc.constantFrom('ascend', 'descend'),
    }),
    keysOnly: yes,
    countOnly: yes,
    minModRevision: named,
    maxModRevision: named,
    minCreateRevision: named,
    maxCreateRevision: named,
  }),
) as Arbitrary<RangeRequest>;

const put = fc.oneof(
  both(fc.record({ key, value }), some({ lease: named, previous: yes })),
  both(
    fc.record({ key, value: fc.constant(new Uint8Array(0)), ignoreValue: yes }),
    some({ lease: named, previous: yes }),
  ),
  both(fc.record({ key, value, ignoreLease: yes }), some({ previous: yes })),
);
const remove = both(keyRange, some({ previous: yes }));

const compared = fc.record({
  result: fc.constantFrom('equal', 'notEqual', 'greater', 'less'),
});
export const compare: Arbitrary<Compare> = both(
  both(keyRange, compared),
  fc.oneof(
    fc.record({ target: fc.constant('value'), value }),
    fc.record({ target: fc.constantFrom('version', 'create', 'mod', 'lease'), number: u53 }),
  ),
) as Arbitrary<Compare>;

function list<Value>(one: Arbitrary<Value>, maxLength = 3): Arbitrary<Value[]> {
  return fc.array(one, { maxLength });
}

/** @param depth transactions in it nest at most so deep. */
function txn(depth: number): Arbitrary<TxnRequest> {
  const plain = [typed('put', put), typed('delete', remove), typed('range', rangeRequest)];
  const operation = (
    depth <= 1 ? fc.oneof(...plain) : fc.oneof(...plain, typed('txn', txn(depth - 1)))
  ) as Arbitrary<TxnOperation>;
  return fc.record({ compare: list(compare), then: list(operation), else: list(operation) });
}

export const operation: Arbitrary<Operation> = fc.oneof(
  { arbitrary: typed('put', put), weight: 4 },
  typed('delete', remove),
  typed('txn', txn(3)),
  typed('compact', fc.record({ revision: u53 })),
  typed('leaseGrant', both(fc.record({ ttl: named }), some({ id: named }))),
  typed('leaseRevoke', both(fc.record({ id: u53 }), some({ grantedAt: named }))),
  fc.constant({ type: 'mark' as const }),
) as Arbitrary<Operation>;

export const operations: Arbitrary<Operation[]> = fc.array(operation, {
  minLength: 1,
  maxLength: 8,
});

export const pair: Arbitrary<KeyValue> = fc.record({
  key,
  value,
  createRevision: u53,
  modRevision: u53,
  version: u53,
  lease: u53,
});

export const rangeResponse: Arbitrary<RangeResponse> = fc.record({
  revision: u53,
  kvs: list(pair),
  more: fc.boolean(),
  count: u53,
});

const putResult = both(fc.record({ revision: u53 }), some({ previous: pair }));
const deleteResult = fc.record({ revision: u53, deleted: u53, previous: list(pair) });

function txnResponse(depth: number): Arbitrary<TxnResponse> {
  const plain = [
    typed('put', putResult),
    typed('delete', deleteResult),
    typed('range', rangeResponse),
  ];
  const result = (
    depth <= 1 ? fc.oneof(...plain) : fc.oneof(...plain, typed('txn', txnResponse(depth - 1)))
  ) as Arbitrary<TxnResult>;
  return fc.record({ revision: u53, succeeded: fc.boolean(), results: list(result) });
}

const text = fc.string({ unit: 'grapheme', maxLength: 30 });
const code = fc.constantFrom('KV_INVALID', 'KV_COMPACTED', 'KV_LEASE_NOT_FOUND');

export const results: Arbitrary<Result[]> = fc.array(
  fc.oneof(
    { arbitrary: typed('put', putResult), weight: 4 },
    typed('delete', deleteResult),
    typed('txn', txnResponse(3)),
    typed('compact', fc.record({ revision: u53 })),
    typed('leaseGrant', fc.record({ revision: u53, id: u53, ttl: u53 })),
    typed('leaseRevoke', fc.record({ revision: u53, deleted: u53 })),
    typed('mark', fc.record({ revision: u53 })),
    typed('error', fc.record({ code, message: text })),
  ),
  { maxLength: 8 },
) as Arbitrary<Result[]>;

const event = fc.oneof(
  fc.record({ type: fc.constant('put'), kv: pair }),
  fc.record({
    type: fc.constant('delete'),
    kv: fc.record({
      key,
      value: fc.constant(new Uint8Array(0)),
      createRevision: fc.constant(0),
      modRevision: u53,
      version: fc.constant(0),
      lease: fc.constant(0),
    }),
  }),
);

export const batch: Arbitrary<WatchBatch> = fc.record({
  revision: u53,
  events: list(both(event, some({ previous: pair })), 5) as Arbitrary<KvEvent[]>,
});

export const watchRequest: Arbitrary<WatchRequest> = both(
  keyRange,
  some({
    from: u53,
    previous: fc.boolean(),
    without: fc.constantFrom('put', 'delete'),
    progress: fc.boolean(),
  }),
) as Arbitrary<WatchRequest>;
