import type { Runtime } from 'quorate';

/** Resolves after `ms`, and at once when the signal is or becomes aborted. Never rejects. */
export function pause(
  runtime: Pick<Runtime, 'setTimer'>,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      timer.cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = runtime.setTimer(end, ms);
    signal.addEventListener('abort', end);
  });
}
