import { expect, it } from 'vitest';
import { leading } from './kit.ts';

/** More than a clock that goes on would ever ask for here. */
const mostTimers = 1000;

it('a lease ends when times that were added and taken away differ by a rounding', async () => {
  for (let trial = 1; trial <= 200; trial += 1) {
    const { runtime, calls, clock, grant } = leading();
    const setTimer = runtime.setTimer.bind(runtime);
    let timers = 0;
    runtime.setTimer = (run, ms) => {
      timers += 1;
      if (timers > mostTimers) throw new Error(`Trial ${trial}: it rings, and time stands still.`);
      return setTimer(run, ms);
    };
    grant(1, 60);
    runtime.standStill(2000 + trial * 8.1367);
    await runtime.pass(0);
    await runtime.pass(trial * 7.0043);
    grant(2, 1);

    await runtime.pass(1001);

    expect(calls.map(({ ids }) => ids)).toEqual([[2]]);
    clock.close();
  }
});
