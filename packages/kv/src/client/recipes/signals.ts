export interface LinkedSignal {
  readonly signal: AbortSignal;
  /** Lets go of the signals that it is linked to. */
  readonly unlink: () => void;
}

/**
 * A signal that aborts with the first of these. `AbortSignal.any` without an end would stay with a
 * signal that lives as long as the process; this one is let go of.
 */
export function linkSignals(...sources: readonly (AbortSignal | undefined)[]): LinkedSignal {
  const controller = new AbortController();
  const links: (() => void)[] = [];
  const unlink = (): void => {
    for (const link of links.splice(0)) link();
  };
  for (const source of sources) {
    if (source === undefined) continue;
    if (source.aborted) {
      controller.abort(source.reason);
      break;
    }
    const abort = (): void => {
      unlink();
      controller.abort(source.reason);
    };
    source.addEventListener('abort', abort, { once: true });
    links.push(() => source.removeEventListener('abort', abort));
  }
  if (controller.signal.aborted) unlink();
  return { signal: controller.signal, unlink };
}
