import type { Engine } from './engine.ts';

/**
 * Waits until `test` is true or `ms` have passed, and returns which. The test is run whenever
 * something about the node may have changed.
 *
 * @throws what the node stopped with, or the reason of `signal`.
 */
export async function waitWithin(
  engine: Pick<Engine, 'observers' | 'runtime'>,
  ms: number,
  signal: AbortSignal | undefined,
  test: () => boolean,
): Promise<boolean> {
  const late = new AbortController();
  const timer = engine.runtime.setTimer(() => late.abort(), ms);
  const signals = signal === undefined ? [late.signal] : [signal, late.signal];
  try {
    await engine.observers.waitFor(test, AbortSignal.any(signals));
    return true;
  } catch (reason) {
    signal?.throwIfAborted();
    if (late.signal.aborted) return test();
    throw reason;
  } finally {
    timer.cancel();
  }
}
