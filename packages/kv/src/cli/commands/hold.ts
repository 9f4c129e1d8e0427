import type { ConnectionFlags } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliExit, CliFailure } from '../failure.ts';
import { note } from '../output.ts';
import { runChild } from './run-child.ts';

/** A lock or a leadership. */
export interface Held {
  readonly signal: AbortSignal;
  readonly key: string;
  readonly fencingToken: number;
}

/** How long letting go may take, when the process is to end, or it is lost anyway. */
const releaseMs = 500;

/**
 * Lets go by `release`. If nobody can be told so in time, the lease ends by itself later, and that
 * is said.
 */
export async function letGo(
  context: CliContext,
  { held, what, flags }: { held: Held; what: string; flags: ConnectionFlags & { ttl: number } },
  release: (options: { readonly signal: AbortSignal }) => Promise<void>,
): Promise<void> {
  const isShort = context.signal.aborted || held.signal.aborted;
  const ms = isShort ? releaseMs : flags.timeoutMs;
  try {
    await release({ signal: AbortSignal.timeout(ms) });
  } catch {
    if (held.signal.aborted) return;
    note(context, `quorate: ${what} could not be let go of; it ends in ${flags.ttl} ms or before.`);
  }
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Waits until ctrl-C. @throws {CliFailure} if it is lost before. */
export async function hold(context: CliContext, held: Held, what: string): Promise<never> {
  const { signal } = context;
  await untilAborted(AbortSignal.any([signal, held.signal]));
  signal.throwIfAborted();
  throw lost(what, held);
}

/** Runs a command, which is ended once what is held is lost. @throws {CliExit} with its code. */
export async function runWhileHeld(
  context: CliContext,
  held: Held,
  { command, what }: { readonly command: readonly string[]; readonly what: string },
): Promise<never> {
  // It has been told to end as well, and what it holds must not be let go before it has.
  context.endWithin(Number.MAX_SAFE_INTEGER);
  const code = await runChild(context, command, {
    env: { QUORATE_LOCK_KEY: held.key, QUORATE_FENCING_TOKEN: `${held.fencingToken}` },
    endSignal: held.signal,
  });
  if (held.signal.aborted) throw lost(what, held);
  throw new CliExit(code);
}

function lost(what: string, { signal }: Held): CliFailure {
  const why = signal.reason instanceof Error ? ` ${signal.reason.message}` : '';
  return new CliFailure(`${what} was lost.${why}`, {
    exitCode: exitCodes.refused,
    advice: 'Somebody else may have it now. Look at what was done without it, and try again.',
    cause: signal.reason,
  });
}
