// Runs seeds for a campaign, in a process of its own: one message in, one message out.

import { simCompany } from './clients/company.ts';
import { failureLine, failureText } from './failure-line.ts';
import { type RunResult, runSeed } from './run.ts';

/** What a worker is asked for. */
export interface Job {
  readonly seed: string;
  /** Run it a second time and see whether the same happens. */
  readonly repeat: boolean;
}

/** What came of it. */
export interface Report {
  readonly seed: string;
  readonly hash: number;
  readonly eventCount: number;
  readonly simulatedMs: number;
  readonly runCount: number;
  readonly faults: readonly (readonly [string, number])[];
  readonly marks: readonly (readonly [string, number])[];
  readonly failure?: { readonly line: string; readonly text: string };
}

async function work({ seed, repeat }: Job): Promise<Report> {
  const first = await runSeed(seed, { company: simCompany });
  const report = reportOf(first);
  if (!repeat || report.failure !== undefined) return report;
  const second = await runSeed(seed, { company: simCompany });
  if (second.hash === first.hash) return { ...report, runCount: 2 };
  const line = `SIM FAIL unseed nondeterminism seed=${seed} -> npm run sim -- --seed ${seed}`;
  const text = `Two runs differ: ${first.eventCount} and ${second.eventCount} events.`;
  return { ...report, runCount: 2, failure: { line, text } };
}

function reportOf(result: RunResult): Report {
  const { seed, hash, eventCount, simulatedMs, faults, marks } = result;
  const line = failureLine(result);
  const failure = line === undefined ? {} : { failure: { line, text: failureText(result) } };
  const counts = { faults: [...faults], marks: [...marks] };
  return { seed, hash, eventCount, simulatedMs, runCount: 1, ...counts, ...failure };
}

// Stacks cost much, and errors are many; what fails is run again by whoever wants to see it.
Error.stackTraceLimit = 0;
process.on('message', (job) => {
  void work(job as Job).then((report) => process.send?.(report));
});
process.on('disconnect', () => process.exit(0));
