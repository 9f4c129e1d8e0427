import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Deadline, DeadlineHeap } from '../../src/server/leases/deadline-heap.ts';

const change = fc.record({
  type: fc.constantFrom('add', 'add', 'remove', 'postpone'),
  which: fc.nat({ max: 1000 }),
  dueAt: fc.integer({ min: 0, max: 30 }),
});

it('the first of a heap is the one that is due first, as sorting all of them says', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200, size: 'max' }), (changes) => {
      const heap = new DeadlineHeap<Deadline>();
      const all: Deadline[] = [];
      for (const [id, { type, which, dueAt }] of changes.entries()) {
        const item = all[which % Math.max(1, all.length)];
        if (type === 'add') {
          all.push({ id, dueAt, place: 0 });
          heap.add(all.at(-1) as Deadline);
        } else if (type === 'remove' && item !== undefined) {
          all.splice(all.indexOf(item), 1);
          heap.remove(item);
        } else if (item !== undefined) {
          heap.postpone(item, item.dueAt + dueAt);
        }
        expect(heap.first).toBe(firstOf(all));
      }

      for (; all.length > 0; all.splice(all.indexOf(firstOf(all) as Deadline), 1)) {
        expect(heap.first).toBe(firstOf(all));
        heap.remove(heap.first as Deadline);
      }
      expect(heap.first).toBeUndefined();
    }),
    { numRuns: 200 },
  );
});

function firstOf(all: readonly Deadline[]): Deadline | undefined {
  return all.toSorted((a, b) => a.dueAt - b.dueAt || a.id - b.id)[0];
}
