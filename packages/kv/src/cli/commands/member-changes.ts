import type { MembershipChange } from '../../client.ts';
import type { ConnectionFlags } from '../connect.ts';
import type { CliContext } from '../context.ts';
import { printJson, printLine } from '../output.ts';

/** As long as a member waits for a new voter to catch up by default, and some elections. */
const changeTimeoutMs = 45_000;

/** The lines for people, or the change for programs. */
export async function printChange(
  context: CliContext,
  { json = false }: ConnectionFlags,
  change: MembershipChange,
  lines: readonly string[],
): Promise<void> {
  if (json) return printJson(context, change);
  for (const line of lines) await printLine(context, line);
}

/** A change is given more time than other calls, unless more was asked for. */
export function changing(
  { signal }: CliContext,
  { timeoutMs }: ConnectionFlags,
): { readonly signal: AbortSignal; readonly timeoutMs: number } {
  return { signal, timeoutMs: Math.max(timeoutMs, changeTimeoutMs) };
}
