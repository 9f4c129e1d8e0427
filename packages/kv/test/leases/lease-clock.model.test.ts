import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Game, type Step } from './game.ts';

const isFull = process.env['QUORATE_TEST_FULL'] === '1';

const anId = fc.integer({ min: 1, max: 8 });
const type = <Name extends string>(...names: Name[]): fc.Arbitrary<Name> =>
  fc.constantFrom(...names);
const aStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: type('grant'), id: anId, ttl: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ type: type('revoke'), id: anId }),
  { weight: 3, arbitrary: fc.record({ type: type('keepAlive'), id: anId }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: type('pass'), ms: fc.integer({ max: 2500, min: 0 }) }),
  },
  fc.record({ type: type('standStill'), ms: fc.integer({ min: 0, max: 4000 }) }),
  fc.record({ type: type('lead', 'follow', 'restore') }),
  {
    weight: 2,
    arbitrary: fc.record({ type: type('answer'), how: type('succeed', 'fail', 'lose') }),
  },
);

it('no lease ends before the time that it was promised, and each ends at last', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(aStep, { maxLength: 80, size: 'max' }), async (steps) => {
      const game = new Game();
      const { kit } = game;
      for (const one of steps) await game.play(one);

      kit.clock.lead();
      for (let times = 0; times < 40; times += 1) {
        await kit.runtime.pass(500);
        while (await game.answer('succeed'));
      }
      game.check();

      expect(kit.store.count).toBe(0);
      await kit.runtime.pass(1000);
      expect(kit.runtime.timerCount).toBe(0);
    }),
    { numRuns: isFull ? 20_000 : 500 },
  );
});
