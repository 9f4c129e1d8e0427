import { describe, expect, test } from 'vitest';
import { encodeCommand } from '../../src/protocol/commands.ts';
import {
  checkCommand,
  checkRange,
  defaultLimits,
  type KvLimits,
  limitsOf,
} from '../../src/protocol/limits.ts';
import type { Compare, Operation, TxnOperation } from '../../src/types.ts';

const key = Uint8Array.of(107);
const value = Uint8Array.of(1);
const limits: KvLimits = limitsOf({
  maxKeyBytes: 10,
  maxValueBytes: 20,
  maxRequestBytes: 400,
  maxOperations: 3,
  maxNesting: 2,
  maxTtlSeconds: 60,
});

const put: TxnOperation = { type: 'put', key, value };
const same: Compare = { key, target: 'version', result: 'equal', number: 1 };

function txn(parts: {
  compare?: readonly Compare[];
  then?: readonly TxnOperation[];
  else?: readonly TxnOperation[];
}): TxnOperation & { type: 'txn' } {
  return { type: 'txn', compare: [], then: [], else: [], ...parts };
}

function bytes(size: number): Uint8Array {
  return new Uint8Array(size).fill(120);
}

function check(...operations: readonly Operation[]): void {
  checkCommand(encodeCommand(operations), limits);
}

describe('a command at its limits', () => {
  test.each<[keyof KvLimits, Operation]>([
    ['maxKeyBytes', { type: 'put', key: bytes(10), value }],
    ['maxKeyBytes', { type: 'delete', key, end: bytes(10) }],
    ['maxValueBytes', { type: 'put', key, value: bytes(20) }],
    ['maxOperations', txn({ compare: [same, same, same], then: [put, put], else: [put] })],
    ['maxNesting', txn({ then: [txn({ else: [put] })] })],
    ['maxNesting', txn({ then: [txn({}), txn({})], else: [txn({})] })],
    ['maxTtlSeconds', { type: 'leaseGrant', ttl: 60 }],
  ])('is taken (%s)', (_limit, operation) => {
    expect(() => check(operation)).not.toThrow();
  });

  test.each<[keyof KvLimits, number, Operation]>([
    ['maxKeyBytes', 11, { type: 'put', key: bytes(11), value }],
    ['maxKeyBytes', 11, { type: 'delete', key: bytes(11) }],
    ['maxKeyBytes', 11, { type: 'delete', key, end: bytes(11) }],
    ['maxKeyBytes', 11, txn({ then: [{ type: 'range', key: bytes(11) }] })],
    ['maxKeyBytes', 11, txn({ else: [{ type: 'put', key: bytes(11), value }] })],
    ['maxKeyBytes', 11, txn({ compare: [{ ...same, end: bytes(11) }] })],
    ['maxValueBytes', 21, { type: 'put', key, value: bytes(21) }],
    ['maxValueBytes', 21, txn({ then: [{ type: 'put', key, value: bytes(21) }] })],
    [
      'maxValueBytes',
      21,
      txn({ compare: [{ key, target: 'value', result: 'less', value: bytes(21) }] }),
    ],
    ['maxOperations', 4, txn({ then: [put, put], else: [put, put] })],
    ['maxOperations', 4, txn({ then: [put, txn({ else: [put, put] })] })],
    ['maxOperations', 4, txn({ compare: [same, same, same, same] })],
    ['maxOperations', 4, txn({ compare: [same, same], then: [txn({ compare: [same, same] })] })],
    ['maxNesting', 3, txn({ then: [txn({ then: [txn({})] })] })],
    ['maxTtlSeconds', 61, { type: 'leaseGrant', ttl: 61 }],
  ])('is refused one beyond %s, which the refusal names', (limit, came, operation) => {
    const most = limits[limit];
    const code = limit === 'maxTtlSeconds' ? 'KV_INVALID' : 'KV_TOO_LARGE';

    for (const operations of [[operation], [{ type: 'mark' as const }, operation]]) {
      const refused = (): void => check(...operations);
      expect(refused).toThrow(expect.objectContaining({ code, details: { limit, most, came } }));
      expect(refused).toThrow(`(${limit}); got ${came}.`);
    }
  });

  test('is refused as a whole when it is too long, before it is looked at', () => {
    const refused = (): void => checkCommand(new Uint8Array(401), limits);

    expect(refused).toThrow(
      expect.objectContaining({
        code: 'KV_TOO_LARGE',
        details: { limit: 'maxRequestBytes', most: 400, came: 401 },
      }),
    );
    expect(() => checkCommand(new Uint8Array(400), limits)).toThrow('This is not a command');
  });

  test('may hold any number of operations that are no transaction', () => {
    const puts = Array.from({ length: 30 }, (): Operation => ({ type: 'put', key, value }));

    expect(() => check(...puts)).not.toThrow();
  });
});

test('a range is measured by its key and by its end', () => {
  expect(() => checkRange({ key: bytes(10), end: bytes(10) }, limits)).not.toThrow();
  expect(() => checkRange({ key: bytes(11) }, limits)).toThrow('maxKeyBytes');
  expect(() => checkRange({ key, end: bytes(11) }, limits)).toThrow('maxKeyBytes');
});

describe('limits', () => {
  test('that are not chosen are the defaults', () => {
    expect(limitsOf()).toEqual(defaultLimits);
    expect(limitsOf({ maxKeyBytes: 1 })).toEqual({ ...defaultLimits, maxKeyBytes: 1 });
  });

  test.each<[Partial<KvLimits>, string]>([
    [{ maxKeyBytes: 0 }, 'maxKeyBytes must be a whole number from 1 to 9007199254740991; got 0'],
    [{ maxLeases: 1.5 }, 'got 1.5'],
    [{ maxNesting: 9 }, 'from 1 to 8; got 9'],
    [{ maxValueBytes: 9 * 1024 ** 2 }, 'from 1 to 8388608'],
    [{ maxKeys: 1 } as Partial<KvLimits>, 'There is no limit "maxKeys"'],
  ])('that cannot be are refused: %o', (chosen, part) => {
    const choose = (): unknown => limitsOf(chosen);

    expect(choose).toThrow(RangeError);
    expect(choose).toThrow(part);
  });
});
