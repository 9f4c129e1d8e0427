import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type NamedRange, RangeTree } from '../../src/server/watch/range-tree.ts';

const letters = ['', 'a', 'aa', 'ab', 'b', 'ba', 'c', 'd', '\u00ff', '\uffff'];
const range: fc.Arbitrary<NamedRange> = fc
  .tuple(fc.constantFrom(...letters), fc.constantFrom(...letters), fc.constantFrom('1', '2'))
  .filter(([key, end]) => key < end)
  .map(([key, end, kind]) => ({ key, end, name: `${key} ${end} ${kind}` }));

it('a tree of ranges finds those that a key lies in, as looking at each does', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(range, fc.boolean()), { maxLength: 60, size: 'max' }),
      (changes) => {
        const tree = new RangeTree<NamedRange>();
        const all = new Map<string, NamedRange>();
        for (const [one, isRemoved] of changes) {
          const known = all.get(one.name);
          if (known === undefined) tree.add(one);
          if (known !== undefined && isRemoved) tree.remove(known);
          if (known === undefined) all.set(one.name, one);
          if (known !== undefined && isRemoved) all.delete(one.name);

          for (const key of letters) {
            const found: NamedRange[] = [];
            tree.find(key, found);
            const naive = [...all.values()].filter(
              ({ key: from, end }) => from <= key && key < end,
            );
            expect(found.map(({ name }) => name).sort()).toEqual(
              naive.map(({ name }) => name).sort(),
            );
          }
          expect(tree.isEmpty).toBe(all.size === 0);
        }
      },
    ),
    { numRuns: 200 },
  );
});
