import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { PackageCopy } from './package-copy.ts';

/** Tier 0: walks of the core alone. Tier 1: whole nodes in virtual time. */
export type Tier = 0 | 1;

/** One try to find a planted bug, from a seed of its own. */
export interface Try {
  /** Of the last run, which is the one that failed if any did. */
  readonly seed: string;
  /** Walks, or seeds, up to the one that failed. */
  readonly runs: number;
  readonly events: number;
  readonly seconds: number;
  /** The check that found it; `undefined` if none did. */
  readonly code?: string | undefined;
  readonly text?: string | undefined;
}

export interface HuntLimits {
  readonly seed: string;
  readonly tries: number;
  /** Of each try. */
  readonly runs: number;
  readonly seconds: number;
}

const programs: Readonly<Record<Tier, string>> = {
  0: 'mutants/walk-hunt-child.ts',
  1: 'mutants/sim-hunt-child.ts',
};

/** Hunts in a copy of the package as it is now, in a process of its own. */
export function hunt(copy: PackageCopy, tier: Tier, limits: HuntLimits): Promise<Try[]> {
  const { seed, tries, runs, seconds } = limits;
  return start(copy, tier, {
    given: [seed, tries, runs, seconds],
    tries,
    seconds: tries * seconds,
  });
}

/** Runs one seed that a hunt has told of. */
export async function runOnce(
  copy: PackageCopy,
  tier: Tier,
  { seed, seconds }: Pick<HuntLimits, 'seed' | 'seconds'>,
): Promise<Try> {
  const [only] = await start(copy, tier, { given: [seed], tries: 1, seconds });
  return only as Try;
}

async function start(
  copy: PackageCopy,
  tier: Tier,
  { given, tries, seconds }: { given: readonly unknown[]; tries: number; seconds: number },
): Promise<Try[]> {
  const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];
  const program = copy.program(programs[tier]);
  const child = execFile(process.execPath, [...flags, program, ...given.map(String)], {
    cwd: copy.folder,
    // What does not come to an end by itself has a bug that no check could look at.
    timeout: (seconds + 120) * 1000,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let errors = '';
  child.stdout?.on('data', (text: string) => {
    output += text;
  });
  child.stderr?.on('data', (text: string) => {
    errors += text;
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  const found = output.split('\n').flatMap(tryIn);
  if (exitCode === 0 && found.length === tries) return found;
  if (exitCode === null) {
    return [...found, { seed: '', runs: 1, events: 0, seconds, code: 'hangs' }];
  }
  throw new Error(`${program} ended with ${exitCode}:\n${output}\n${errors}`);
}

/** What a child says in one line, as `sayTry` put it. */
function tryIn(line: string): Try[] {
  return line.startsWith(mark) ? [JSON.parse(line.slice(mark.length)) as Try] : [];
}

const mark = 'try ';

export function sayTry(one: Try): void {
  console.log(mark + JSON.stringify(one));
}

type Outcome = Pick<Try, 'events' | 'code' | 'text'>;

/** Makes the tries of a child: `run` does one run and says how many events, and what failed. */
export async function makeTries(
  given: readonly string[],
  run: (seed: string) => Promise<Outcome>,
): Promise<void> {
  const [seed = '', tries, runs, seconds] = given;
  if (tries === undefined) {
    sayTry(await makeTry({ seedOf: () => seed, runs: 1, seconds: Infinity }, run));
    return;
  }
  const limits = { runs: Number(runs), seconds: Number(seconds) };
  for (let at = 1; at <= Number(tries); at += 1) {
    sayTry(await makeTry({ seedOf: (count) => `${seed}-${at}-${count}`, ...limits }, run));
  }
}

async function makeTry(
  limits: { seedOf: (count: number) => string; runs: number; seconds: number },
  run: (seed: string) => Promise<Outcome>,
): Promise<Try> {
  const startedAt = performance.now();
  const secondsSince = (): number => (performance.now() - startedAt) / 1000;
  let events = 0;
  for (let runs = 1; ; runs += 1) {
    const seed = limits.seedOf(runs);
    const { events: more, code, text } = await run(seed);
    events += more;
    const seconds = secondsSince();
    const isOver = runs >= limits.runs || seconds >= limits.seconds;
    if (code !== undefined || isOver) return { seed, runs, events, seconds, code, text };
  }
}
