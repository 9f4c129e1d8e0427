import type { RunResult } from './run.ts';
import { describe } from './world.ts';

/**
 * What a person needs to know of a failure, in a line; `undefined` if there is none. `options` are
 * those that it takes to see it again, besides the seed and where it ends.
 */
export function failureLine(
  { seed, failure, traceCount, simulatedMs }: RunResult,
  options = '',
): string | undefined {
  if (failure === undefined) return undefined;
  const { code, title } = describe(failure.error);
  const at = `t=${(simulatedMs / 1000).toFixed(3)}s event=${traceCount}`;
  return (
    `SIM FAIL ${code} ${title} seed=${seed} ${at} -> ` +
    `npm run sim -- --seed ${seed} --until ${traceCount}${options} --trace`
  );
}

/** The whole story of what went wrong, for below the line. */
export function failureText({ failure }: RunResult): string {
  const error = failure?.error;
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const because = cause instanceof Error ? `\n${cause.stack ?? cause.message}` : '';
  return `${error.message}${because}`;
}
