import type { RunResult } from './run.ts';
import { describe } from './world.ts';

/** How the same is had again. */
export interface Again {
  /** Where the run comes from, if not from its seed: `--scenario FILE`. */
  readonly source?: string | undefined;
  /** What else it takes, besides that and where it ends; with a space before it. */
  readonly options?: string;
}

/** What a person needs to know of a failure, in a line; `undefined` if there is none. */
export function failureLine(
  { seed, failure, traceCount, simulatedMs }: RunResult,
  { source = `--seed ${seed}`, options = '' }: Again = {},
): string | undefined {
  if (failure === undefined) return undefined;
  const { code, title } = describe(failure.error);
  const at = `t=${(simulatedMs / 1000).toFixed(3)}s event=${traceCount}`;
  return (
    `SIM FAIL ${code} ${title} seed=${seed} ${at} -> ` +
    `npm run sim -- ${source} --until ${traceCount}${options} --trace`
  );
}

/** The same for a run that was not the same when it was repeated. */
export function unseedLine(seed: string, options = ''): string {
  // A campaign repeats its first run.
  const command = `npm run sim -- --seeds 1 --seed ${seed}${options}`;
  return `SIM FAIL unseed nondeterminism seed=${seed} -> ${command}`;
}

/** The whole story of what went wrong, for below the line. */
export function failureText({ failure }: RunResult): string {
  const error = failure?.error;
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const because = cause instanceof Error ? `\n${cause.stack ?? cause.message}` : '';
  return `${error.message}${because}`;
}
