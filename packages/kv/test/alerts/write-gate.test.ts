import { describe, expect, test } from 'vitest';
import { bytesOf } from '../../src/bytes.ts';
import { encodeCommand } from '../../src/protocol/commands.ts';
import type { Room, RoomLevel } from '../../src/server/alerts/disk-room.ts';
import { demandRoomFor, type Gate, gateOf } from '../../src/server/alerts/write-gate.ts';
import type { Operation } from '../../src/types.ts';

function roomsOf(levels: Readonly<Record<string, RoomLevel>>): ReadonlyMap<string, Room> {
  const rooms = Object.entries(levels).map(
    ([id, level]) => [id, { level, freeBytes: 1024, wantedBytes: 2048 }] as const,
  );
  return new Map(rooms);
}

describe('of three members, the leader a', () => {
  const cases: readonly (readonly [string, Record<string, RoomLevel>, Gate['refuses']])[] = [
    ['all are well', { a: 'well', b: 'well', c: 'well' }, 'nothing'],
    ['nothing is known', {}, 'nothing'],
    ['nobody who answers is low', { a: 'well' }, 'nothing'],
    ['one follower is low', { a: 'well', b: 'low', c: 'well' }, 'nothing'],
    ['one follower is full', { a: 'well', b: 'full', c: 'well' }, 'nothing'],
    ['two followers are low', { a: 'well', b: 'low', c: 'low' }, 'additions'],
    ['one is low, and one does not answer', { a: 'well', b: 'low' }, 'additions'],
    ['the leader is low', { a: 'low', b: 'well', c: 'well' }, 'additions'],
    ['the leader is full', { a: 'full', b: 'well', c: 'well' }, 'everything'],
    ['one is full and one is low', { a: 'well', b: 'full', c: 'low' }, 'additions'],
    ['two are full', { a: 'well', b: 'full', c: 'full' }, 'everything'],
    ['one is full, and one does not answer', { a: 'well', b: 'full' }, 'everything'],
    ['only one who has no vote is full', { a: 'well', b: 'well', c: 'well', l: 'full' }, 'nothing'],
  ];

  test.each(cases)('%s', (_, levels, refuses) => {
    expect(gateOf('a', [['a', 'b', 'c']], roomsOf(levels)).refuses).toBe(refuses);
  });
});

test('while the voters change, both their majorities want room', () => {
  const voters = [
    ['a', 'b', 'c'],
    ['a', 'd', 'e'],
  ];
  const well = { a: 'well', b: 'well', c: 'well', d: 'well' } as const;

  expect(gateOf('a', voters, roomsOf({ ...well, e: 'low' })).refuses).toBe('nothing');
  expect(gateOf('a', voters, roomsOf({ ...well, d: 'low', e: 'low' })).refuses).toBe('additions');
});

test('the members whose disks are low are named with their figures', () => {
  const { low } = gateOf('a', [['a', 'b', 'c']], roomsOf({ a: 'low', b: 'full', c: 'well' }));

  expect(low).toEqual([
    { member: 'a', freeBytes: 1024, wantedBytes: 2048 },
    { member: 'b', freeBytes: 1024, wantedBytes: 2048 },
  ]);
});

const key = bytesOf('k');
const put = { type: 'put', key, value: bytesOf('v') } as const;
const remove = { type: 'delete', key } as const;
const range = { type: 'range', key } as const;
const compare = [{ key, target: 'version', result: 'equal', number: 0 }] as const;

const additions: readonly (readonly [string, Operation])[] = [
  ['a put', put],
  ['a grant', { type: 'leaseGrant', ttl: 10 }],
  ['a transaction that may put', { type: 'txn', compare, then: [range], else: [put] }],
  [
    'a put in a transaction in one',
    {
      type: 'txn',
      compare,
      then: [{ type: 'txn', compare, then: [remove], else: [put] }],
      else: [],
    },
  ],
];
const others: readonly (readonly [string, Operation])[] = [
  ['a delete', remove],
  ['a compaction', { type: 'compact', revision: 1 }],
  ['a revocation', { type: 'leaseRevoke', id: 7 }],
  ['a transaction without a put', { type: 'txn', compare, then: [remove], else: [range] }],
  ['a mark', { type: 'mark' }],
];
const low = [{ member: 'b', freeBytes: 10 * 1024 * 1024, wantedBytes: 100 * 1024 * 1024 }];

describe('where nothing may be added', () => {
  test.each(additions)('%s is refused, and nothing beside it is done', (_, operation) => {
    const command = encodeCommand([remove, operation]);

    expect(() => demandRoomFor(command, { refuses: 'additions', low })).toThrow(
      expect.objectContaining({
        code: 'KV_LOW_SPACE',
        maybeApplied: false,
        message:
          'Nothing that adds something is taken, since there is too little room on disks: b has 10.0 MiB free and wants 100 MiB. Nothing was changed.',
        details: { members: low },
      }) as Error,
    );
  });

  test.each(others)('%s is taken', (_, operation) => {
    const command = encodeCommand([operation]);

    expect(() => demandRoomFor(command, { refuses: 'additions', low })).not.toThrow();
  });
});

test.each([...additions, ...others])(
  'where nothing goes any more, %s is refused',
  (_, operation) => {
    const command = encodeCommand([operation]);

    expect(() => demandRoomFor(command, { refuses: 'everything', low })).toThrow(
      'No write is taken',
    );
    expect(() => demandRoomFor(command, { refuses: 'nothing', low })).not.toThrow();
  },
);
