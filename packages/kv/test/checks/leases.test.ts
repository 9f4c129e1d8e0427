import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkLeases, type LeaseEvent } from './leases.ts';

const bounds = { graceMs: 100, callMs: 500 };
const lease = 7;

const grant: LeaseEvent = { type: 'grant', lease, ttlMs: 1000, calledAt: 0, returnedAt: 10 };
const look = (isThere: boolean, calledAt: number): LeaseEvent => ({
  type: 'look',
  lease,
  isThere,
  calledAt,
  returnedAt: calledAt + 5,
});
const keepAlive = (calledAt: number, isFound = true): LeaseEvent => ({
  type: 'keepAlive',
  lease,
  calledAt,
  returnedAt: calledAt + 10,
  isFound,
});

function rulesOf(...events: readonly LeaseEvent[]): readonly string[] {
  return checkLeases([grant, ...events], bounds).map(({ rule }) => rule);
}

describe('a lease', () => {
  test.each<[string, readonly LeaseEvent[]]>([
    ['may end when its time is over', [look(true, 999), look(false, 1000)]],
    ['lives on with each renewal', [keepAlive(900), look(true, 1899), look(false, 1900)]],
    ['may be renewed as late as the answer came', [keepAlive(900), look(true, 2009)]],
    ['may live a little longer', [look(true, 1110)]],
    [
      'gets its whole time from a new leader',
      [{ type: 'lead', returnedAt: 800 }, look(true, 1900)],
    ],
    [
      'may end at once when somebody asks for that',
      [{ type: 'revoke', lease, calledAt: 50 }, look(true, 60), look(false, 100)],
    ],
    [
      'may have been renewed by a call that nobody heard of',
      [{ type: 'keepAlive', lease, calledAt: 900 }, look(true, 2400)],
    ],
    ['is not renewed once it is gone', [look(false, 1000), keepAlive(1200, false)]],
  ])('%s', (_, events) => {
    expect(rulesOf(...events)).toEqual([]);
  });

  test.each<[string, string, readonly LeaseEvent[]]>([
    ['ends before its time', 'early', [look(false, 990)]],
    ['ends in spite of a renewal', 'early', [keepAlive(900), look(false, 1500)]],
    [
      'ends as a watcher is told, before its time',
      'early',
      [{ type: 'deleted', lease, revision: 9, returnedAt: 500 }],
    ],
    ['never ends', 'late', [look(true, 1111)]],
    ['outlives a call that can have renewed it', 'late', [look(true, 1112), keepAlive(1200)]],
    ['comes back', 'revived', [look(false, 1000), look(true, 1006)]],
    ['is renewed after its end', 'revived', [look(false, 1000), keepAlive(1006)]],
    [
      'outlives its revocation',
      'revoked',
      [{ type: 'revoke', lease, calledAt: 50, returnedAt: 60 }, look(true, 61)],
    ],
    [
      'loses its keys one after the other',
      'apart',
      [
        { type: 'deleted', lease, revision: 9, returnedAt: 1500 },
        { type: 'deleted', lease, revision: 10, returnedAt: 1500 },
      ],
    ],
  ])('that %s breaks the rule "%s"', (_, rule, events) => {
    expect(rulesOf(...events)).toEqual([rule]);
  });
});

test('leases are looked at one by one', () => {
  const other: LeaseEvent = { type: 'grant', lease: 8, ttlMs: 100, calledAt: 0, returnedAt: 10 };

  const found = checkLeases([grant, other, look(false, 1000), look(true, 500)], bounds);

  expect(found).toEqual([]);
  expect(() => checkLeases([look(true, 1)], bounds)).toThrow('begins with its grant');
});

test('a server that ends leases in time is never blamed, and a hasty or a lazy one always', () => {
  const steps = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 20 });
  const slip = fc.constantFrom(0, -1, 1);
  fc.assert(
    fc.property(steps, slip, (pauses, wrong) => {
      let at = 10;
      const renewals = pauses.map((pause) => {
        at += pause;
        return { type: 'keepAlive', lease, calledAt: at, returnedAt: at, isFound: true } as const;
      });
      const endsAt = at + 1000 + wrong * 200;
      const events = [look(true, endsAt - 6), look(false, endsAt)];

      const rules = rulesOf(...renewals, ...events);

      expect(rules).toEqual(wrong === 0 ? [] : [wrong < 0 ? 'early' : 'late']);
    }),
  );
});
