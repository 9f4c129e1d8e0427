// Runs seeds for a campaign, in a process of its own: one message in, one message out.

import { failureLine, failureText, unseedLine } from './failure-line.ts';
import { companyWith, type Plant } from './planted.ts';
import { type RunResult, runSeed } from './run.ts';

/** What a worker is asked for. */
export interface Job {
  readonly seed: string;
  /** Run it a second time and see whether the same happens. */
  readonly repeat: boolean;
  readonly plant: Plant | undefined;
  /** For the command that shows a failure again. */
  readonly options: string;
}

/** What came of it. */
export interface Report {
  readonly seed: string;
  readonly hash: number;
  readonly eventCount: number;
  readonly simulatedMs: number;
  readonly runCount: number;
  /** Of the processor. */
  readonly cpuMs: number;
  readonly faults: readonly (readonly [string, number])[];
  readonly marks: readonly (readonly [string, number])[];
  readonly failure?: { readonly line: string; readonly text: string };
}

async function work({ seed, repeat, plant, options }: Job): Promise<Report> {
  const company = companyWith(plant);
  const first = await runSeed(seed, { company });
  const report = reportOf(first, options);
  if (!repeat || report.failure !== undefined) return { ...report, cpuMs: takeCpuMs() };
  const second = await runSeed(seed, { company });
  const again = { ...report, runCount: 2, cpuMs: takeCpuMs() };
  if (second.hash === first.hash) return again;
  const text = `Two runs differ: ${first.eventCount} and ${second.eventCount} events.`;
  return { ...again, failure: { line: unseedLine(seed, options), text } };
}

function reportOf(result: RunResult, options: string): Report {
  const { seed, hash, eventCount, simulatedMs, faults, marks } = result;
  const line = failureLine(result, { options });
  const failure = line === undefined ? {} : { failure: { line, text: failureText(result) } };
  const counts = { faults: [...faults], marks: [...marks] };
  return { seed, hash, eventCount, simulatedMs, runCount: 1, cpuMs: 0, ...counts, ...failure };
}

let counted = 0;

/** What the processor has done for this process since it was last asked. */
function takeCpuMs(): number {
  const { user, system } = process.cpuUsage();
  const before = counted;
  counted = (user + system) / 1000;
  return counted - before;
}

// Stacks cost much, and errors are many; what fails is run again by whoever wants to see it.
Error.stackTraceLimit = 0;
process.on('message', (job) => {
  void work(job as Job).then((report) => process.send?.(report));
});
process.on('disconnect', () => process.exit(0));
