/**
 * Returns `promise`, but waits no longer than `signal` allows: an abort rejects with its reason and
 * calls `forget`, so that whoever was to answer need not keep the question.
 */
export function withSignal<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  forget?: () => void,
): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => {
      forget?.();
      reject(signal.reason);
    };
    if (signal.aborted) {
      promise.catch(() => undefined); // The caller is told the reason of the abort instead.
      abort();
      return;
    }
    const forgetSignal = (): void => signal.removeEventListener('abort', abort);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(
      (value) => {
        forgetSignal();
        resolve(value);
      },
      (reason: unknown) => {
        forgetSignal();
        reject(reason);
      },
    );
  });
}
