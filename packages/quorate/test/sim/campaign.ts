import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import { walkSeed } from '../walker/random.ts';
import type { Job, Report } from './campaign-worker.ts';
import type { Plant } from './planted.ts';

export interface CampaignOptions {
  /** The first seed is this one, and all others come from it. */
  readonly seed: string;
  readonly seeds: number;
  /** No seed is begun after so many milliseconds. */
  readonly ms: number;
  readonly workers: number;
  /** Go on after a failure. */
  readonly keepGoing: boolean;
  readonly plant: Plant | undefined;
  /** For the commands that show failures again. */
  readonly options: string;
  readonly onProgress: (tally: Tally) => void;
  readonly onFailure: (report: Report) => void;
}

/** One run in so many is repeated, to see that the same happens again. */
const repeatOneIn = 20;
const progressEveryMs = 10_000;

/** What a campaign has come to so far. */
export class Tally {
  seedCount = 0;
  runCount = 0;
  eventCount = 0;
  simulatedMs = 0;
  /** Of all processors together. */
  cpuMs = 0;
  failureCount = 0;
  repeatedCount = 0;
  readonly startedAt = performance.now();
  readonly faults = new Map<string, number>();
  readonly seedsByFault = new Map<string, number>();
  readonly marks = new Map<string, number>();
  /** In how many seeds each was met. */
  readonly seedsByMark = new Map<string, number>();

  get seconds(): number {
    return (performance.now() - this.startedAt) / 1000;
  }

  add(report: Report): void {
    this.seedCount += 1;
    this.runCount += report.runCount;
    if (report.runCount > 1) this.repeatedCount += 1;
    this.eventCount += report.eventCount * report.runCount;
    this.simulatedMs += report.simulatedMs * report.runCount;
    this.cpuMs += report.cpuMs;
    if (report.failure !== undefined) this.failureCount += 1;
    for (const [kind, count] of report.faults) {
      addTo(this.faults, kind, count);
      addTo(this.seedsByFault, kind, 1);
    }
    for (const [name, count] of report.marks) {
      addTo(this.marks, name, count);
      addTo(this.seedsByMark, name, 1);
    }
  }
}

/** Runs one seed after the other on several processes, until there are enough or one fails. */
export async function runCampaign(options: CampaignOptions): Promise<Tally> {
  const { plant, options: again } = options;
  const tally = new Tally();
  let next = 0;
  const isOver = (): boolean =>
    next >= options.seeds ||
    performance.now() - tally.startedAt >= options.ms ||
    (tally.failureCount > 0 && !options.keepGoing);
  const progress = setInterval(() => options.onProgress(tally), progressEveryMs);
  const serve = async (): Promise<void> => {
    const worker = startWorker();
    try {
      while (!isOver()) {
        const at = next;
        next += 1;
        const seed = walkSeed(options.seed, at);
        const repeat = at % repeatOneIn === 0;
        const report = await put(worker, { seed, repeat, plant, options: again });
        tally.add(report);
        if (report.failure !== undefined) options.onFailure(report);
      }
    } finally {
      if (worker.connected) worker.disconnect();
    }
  };
  try {
    const count = Math.min(options.workers, options.seeds);
    await Promise.all(Array.from({ length: count }, () => serve()));
  } finally {
    clearInterval(progress);
  }
  return tally;
}

function startWorker(): ChildProcess {
  const program = path.join(import.meta.dirname, 'campaign-worker.ts');
  // Not those of this process: what npm scripts load ends a program that nobody else keeps alive.
  const execArgv = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];
  return fork(program, { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

function put(worker: ChildProcess, job: Job): Promise<Report> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null, signal: string | null): void =>
      reject(new Error(`The process that ran seed ${job.seed} ended: ${code ?? signal}.`));
    worker.once('exit', onExit);
    worker.once('message', (report) => {
      worker.off('exit', onExit);
      resolve(report as Report);
    });
    worker.send(job);
  });
}

function addTo(counts: Map<string, number>, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
}
