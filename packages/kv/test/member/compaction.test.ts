import { describe, expect, test } from 'vitest';
import { compactionAt, PastRevisions } from '../../src/server/member/compaction.ts';

describe('compaction by revisions', () => {
  const policy = { mode: 'revisions', keep: 100 } as const;

  test('leaves the newest ones alone until there are a tenth more', () => {
    expect(
      compactionAt(policy, { revision: 110, compactedRevision: 0 }, undefined),
    ).toBeUndefined();
    expect(compactionAt(policy, { revision: 111, compactedRevision: 0 }, undefined)).toBe(11);
  });

  test('does not come back to what is compacted', () => {
    const again = compactionAt(policy, { revision: 111, compactedRevision: 11 }, undefined);

    expect(again).toBeUndefined();
  });
});

describe('compaction by time', () => {
  const policy = { mode: 'time', keepMs: 1000, keepAtMost: 1000 } as const;

  test('takes the newest revision that is old enough', () => {
    const past = new PastRevisions(1000);
    for (let at = 0; at <= 2500; at += 10) past.see(at, 1 + at);

    const old = past.oldEnough(2500) ?? 0;

    expect(old).toBeLessThanOrEqual(1501);
    // Only so many moments are remembered: one in about 17 ms.
    expect(old).toBeGreaterThan(1450);
    expect(compactionAt(policy, { revision: 2000, compactedRevision: 0 }, old)).toBe(old);
  });

  test('never takes one that is younger, whenever it is asked', () => {
    const past = new PastRevisions(1000);
    const seen: { at: number; revision: number }[] = [];
    for (let step = 0; step < 500; step += 1) {
      const at = step * 37;
      seen.push({ at, revision: step + 1 });
      past.see(at, step + 1);
      const old = past.oldEnough(at);
      const youngest = seen.findLast((one) => at - one.at >= 1000);
      expect(old ?? 0).toBeLessThanOrEqual(youngest?.revision ?? 0);
    }
  });

  test('knows nothing before so much time has passed', () => {
    const past = new PastRevisions(1000);
    past.see(0, 7);

    expect(past.oldEnough(999)).toBeUndefined();
    expect(past.oldEnough(1000)).toBe(7);
  });

  test('also bounds how many revisions are kept', () => {
    const store = { revision: 1200, compactedRevision: 0 };

    expect(compactionAt(policy, store, undefined)).toBe(200);
    expect(compactionAt(policy, store, 900)).toBe(900);
  });
});

test('nothing is compacted when that is off', () => {
  expect(compactionAt('off', { revision: 10_000_000, compactedRevision: 0 }, 5)).toBeUndefined();
});
