import type { Runtime } from 'quorate';

/** Time and chance, as far as a client needs them. */
export type ClientRuntime = Pick<Runtime, 'now' | 'setTimer' | 'random' | 'randomId'>;

/** The longest wait that `setTimeout` knows; it runs anything longer at once. */
const longestTimeoutMs = 2 ** 31 - 1;

/** Those of a browser, and of whatever else has `fetch`. */
export const browserRuntime: ClientRuntime = {
  now: () => performance.now(),
  setTimer: (run, ms) => {
    let remainingMs = Math.max(0, ms);
    let handle: ReturnType<typeof setTimeout> | undefined;
    const arm = (): void => {
      const stepMs = Math.min(remainingMs, longestTimeoutMs);
      remainingMs -= stepMs;
      handle = setTimeout(remainingMs > 0 ? arm : run, stepMs);
    };
    arm();
    return { cancel: () => clearTimeout(handle) };
  },
  random: () => Math.random(),
  randomId: () => crypto.randomUUID(),
};
