import { describe, expect, test } from 'vitest';
import { isOfLineage, lineageOf } from '../../src/node/lineage.ts';

const old = { cluster: 'old' };
const mark = { cluster: 'new', recoveredFrom: 'old' };
const later = { cluster: 'newest', recoveredFrom: 'new' };

describe('the cluster of a disk', () => {
  test('is what it says, or else what its first membership says', () => {
    expect(lineageOf({ cluster: 'c' }, [old])).toEqual({ cluster: 'c' });
    expect(lineageOf(undefined, [old])).toEqual({ cluster: 'old' });
    expect(lineageOf(undefined, [])).toEqual({ cluster: undefined });
  });

  test('is another one from the entry of a recovery on', () => {
    const lineage = lineageOf({ cluster: 'old' }, [old, mark]);

    expect(lineage).toEqual({ cluster: 'new', formerly: ['old'] });
    expect(isOfLineage(lineage, 'old')).toBe(true);
    expect(isOfLineage(lineage, 'new')).toBe(true);
    expect(isOfLineage(lineage, 'other')).toBe(false);
  });

  test('can change more than once', () => {
    const formerly = ['old', 'new'];

    expect(lineageOf({ cluster: 'old' }, [old, mark, later])).toEqual({
      cluster: 'newest',
      formerly,
    });
    expect(lineageOf({ cluster: 'newest', formerly }, [old, mark, later])).toEqual({
      cluster: 'newest',
      formerly,
    });
  });

  test('stays what it is where the entry has not come yet, or is purged', () => {
    const saved = { cluster: 'new', formerly: ['old'] };

    expect(lineageOf(saved, [old])).toEqual(saved);
    expect(lineageOf(saved, [])).toEqual(saved);
  });

  test('does not follow the recovery of another cluster', () => {
    expect(lineageOf({ cluster: 'c' }, [{ cluster: 'c' }, mark])).toEqual({ cluster: 'c' });
  });
});
