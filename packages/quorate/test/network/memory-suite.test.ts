import { describe, test } from 'vitest';
import { MemoryNetwork } from '../../src/network/memory.ts';
import { nodeRuntime, type Runtime, type Timer } from '../../src/platform/runtime.ts';
import type { NetworkUnderTest } from '../../src/testing/network/options.ts';
import { networkSuite } from '../../src/testing/network-suite.ts';
import { type MemoryServing, serving } from './memory-serving.ts';

/** Node's runtime, which knows how many timers are still to run. */
class CountingRuntime implements Runtime {
  openTimers = 0;
  now = (): number => nodeRuntime.now();
  random = (): number => nodeRuntime.random();
  randomId = (): string => nodeRuntime.randomId();
  yieldToIo = (run: () => void): void => nodeRuntime.yieldToIo(run);

  setTimer = (run: () => void, ms: number): Timer => {
    this.openTimers += 1;
    const timer = nodeRuntime.setTimer(() => {
      this.openTimers -= 1;
      run();
    }, ms);
    return {
      cancel: () => {
        this.openTimers -= 1;
        timer.cancel();
      },
    };
  };
}

interface MemoryUnderTest extends NetworkUnderTest, MemoryServing {
  readonly runtime: CountingRuntime;
}

async function open(): Promise<MemoryUnderTest> {
  const runtime = new CountingRuntime();
  const network = new MemoryNetwork({ runtime });
  return { runtime, network, ...serving(network) };
}

describe('the memory network', () => {
  networkSuite({
    test,
    open,
    // What the suite hands back is what `open` returned.
    countOpen: async (under) => (under as MemoryUnderTest).runtime.openTimers,
    breakConnections: async (under, id) => (under as MemoryUnderTest).breakConnections(id),
  });
});
