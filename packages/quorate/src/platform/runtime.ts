import { randomUUID } from 'node:crypto';

/** A timer that has not run yet. Cancelling it twice, or after it ran, does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * Time and chance. Everything in the library that waits or draws does so through this, so that a
 * simulator can run the real code with a clock and a seed of its own.
 */
export interface Runtime {
  /** Monotonic milliseconds since some moment in the past. Never goes back; may have fractions. */
  now(): number;

  /**
   * Runs `run` once, about `ms` milliseconds from now, and soon if that is over already. Look at
   * `now()` where it must be exact.
   */
  setTimer(run: () => void, ms: number): Timer;

  /** A number from 0 (in) to 1 (out). */
  random(): number;

  /** A name that nobody else has drawn, on any machine. */
  randomId(): string;

  /**
   * Runs `run` soon, after input and output that is ready and timers that are due had their turn.
   * For loops that would otherwise live on microtasks alone and starve them.
   */
  yieldToIo(run: () => void): void;
}

/** The longest wait that `setTimeout` knows; it runs anything longer at once. */
const longestTimeoutMs = 2 ** 31 - 1;

/** The runtime of the Node process. Its timers keep the process alive until they are cancelled. */
export const nodeRuntime: Runtime = {
  now: () => performance.now(),
  setTimer,
  random: () => Math.random(),
  randomId: () => randomUUID(),
  yieldToIo: (run) => void setImmediate(run),
};

function setTimer(run: () => void, ms: number): Timer {
  if (Number.isNaN(ms)) throw new RangeError('A timer wants milliseconds; got NaN.');
  // A deadline may have passed while the event loop stood still, and Node warns of less than zero.
  let remainingMs = Math.max(0, ms);
  let handle: NodeJS.Timeout | undefined;
  const arm = (): void => {
    const stepMs = Math.min(remainingMs, longestTimeoutMs);
    remainingMs -= stepMs;
    handle = setTimeout(remainingMs > 0 ? arm : run, stepMs);
  };
  arm();
  return { cancel: () => clearTimeout(handle) };
}
