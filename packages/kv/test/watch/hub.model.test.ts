import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeStore, type Write } from './fake-store.ts';
import { type Aim, Game, type Step, type StoreUnderTest } from './game.ts';
import { storeUnderTest } from './real-store.ts';

const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const numRuns = isFull ? 20_000 : 500;

const keys = ['a', 'aa', 'b', 'c', 'c\u00ff', 'd'];
const which = fc.integer({ min: 0, max: 20 });
const type = <Name extends string>(...names: Name[]): fc.Arbitrary<Name> =>
  fc.constantFrom(...names);
const write: fc.Arbitrary<Write> = fc.oneof(
  fc.tuple(fc.constantFrom(...keys), fc.constantFrom('1', '2', '3')),
  fc.tuple(fc.constantFrom(...keys)),
);
const aim: fc.Arbitrary<Aim> = fc.record({
  key: fc.constantFrom('a', 'b', 'c'),
  end: fc.constantFrom(undefined, undefined, 'c\u00ff', 'e', '\0'),
  previous: fc.boolean(),
  without: fc.constantFrom(undefined, undefined, 'put', 'delete'),
  progress: fc.boolean(),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: type('write'),
      writes: fc.uniqueArray(write, { minLength: 1, maxLength: 4, selector: ([key]) => key }),
      isTold: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: type('watch'),
      aim,
      from: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 })),
      hub: fc.constantFrom(0, 1),
    }),
  },
  { weight: 6, arbitrary: fc.record({ type: type('pull'), which }) },
  fc.record({ type: type('cancel', 'move'), which }),
  fc.record({ type: type('compact'), back: fc.integer({ min: 0, max: 10 }) }),
  fc.record({ type: type('pass'), ms: fc.constantFrom(1, 60, 1000) }),
);

describe('Watchers are told everything, in order, once, in whole revisions', () => {
  it('of a history in an array', async () => {
    const seen = await play(fakeStoreUnderTest);

    expect(Math.min(...Object.values(seen))).toBeGreaterThan(numRuns / 4);
  });

  it('of the store', async () => {
    const seen = await play(storeUnderTest);

    expect(Math.min(...Object.values(seen))).toBeGreaterThan(numRuns / 4);
  });
});

type Seen = Game['seen'];

/** Many games; returns what was seen in all of them together. */
async function play(open: () => StoreUnderTest): Promise<Seen> {
  const seen: Seen = { events: 0, marks: 0, compacted: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 150, size: 'max' }), async (steps) => {
      const game = new Game(open());
      for (const one of steps) await game.play(one);
      await game.finish();
      seen.events += game.seen.events;
      seen.marks += game.seen.marks;
      seen.compacted += game.seen.compacted;
    }),
    { numRuns },
  );
  return seen;
}

function fakeStoreUnderTest(): StoreUnderTest {
  const store = new FakeStore();
  return {
    watched: store,
    txn: (writes) => void store.txn(...writes),
    compact: (revision) => store.compact(revision),
  };
}
