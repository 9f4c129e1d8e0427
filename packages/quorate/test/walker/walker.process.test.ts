import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseScenario } from '../scenarios/scenario-file.ts';

// The walker runs as a program of its own: the code is then what Node runs, and at full speed.

const program = path.join(import.meta.dirname, 'main.ts');
const timeoutMs = 120_000;
const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const stepCount = isFull ? 50_000_000 : 2_000_000;

interface Outcome {
  readonly exitCode: number;
  readonly output: string;
}

function runWalker(...options: readonly string[]): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const child = execFile(
    process.execPath,
    [program, ...options],
    { timeout: isFull ? timeoutMs * 10 : timeoutMs * 3, killSignal: 'SIGKILL' },
    (_, stdout, stderr) => resolve({ exitCode: child.exitCode ?? -1, output: stdout + stderr }),
  );
  return promise;
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'quorate-scenarios-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** With all that it printed, which is what one wants to see when it is wrong. */
function exitOf({ exitCode, output }: Outcome): string {
  return `exit ${exitCode}\n${output}`;
}

function lineWith(text: string, outcome: Outcome): string {
  return outcome.output.split('\n').find((line) => line.includes(text)) ?? '';
}

test(
  'two million steps from a fresh seed break nothing',
  async () => {
    const seed = randomBytes(8).toString('hex');
    console.log(`walker seed ${seed}`);

    const { exitCode, output } = await runWalker('--seed', seed, '--steps', `${stepCount}`);

    expect(exitCode, `${output}\nwalker seed ${seed}`).toBe(0);
  },
  timeoutMs * 10,
);

test(
  'every planted bug is found, and nothing in the core without one',
  async () => {
    const seed = randomBytes(8).toString('hex');
    console.log(`walker seed ${seed}`);

    const outcome = await runWalker('--mutants', '--seed', seed, '--steps', '5000000');

    console.log(outcome.output);
    expect(outcome.exitCode, `${outcome.output}\nwalker seed ${seed}`).toBe(0);
  },
  timeoutMs * 3,
);

test(
  'a seed gives the same walks each time, and another seed gives others',
  async () => {
    const walks = ['one', 'one', 'two'].map((seed) =>
      runWalker('--seed', seed, '--steps', '20000'),
    );

    const [first, again, other] = (await Promise.all(walks)).map(
      ({ output }) => /hash ([0-9a-f]+)/.exec(output)?.[1],
    );

    expect(first).toBeDefined();
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  },
  timeoutMs,
);

test(
  'a failure names the command that replays it, and a scenario that shows it only with the bug',
  async () => {
    const folder = await newFolder();
    const planted = ['--mutant', 'no-up-to-date-check'];
    const failed = await runWalker('--seed', 'replay', ...planted, '--out', folder);
    const line = lineWith('WALK FAIL', failed);
    const command = /npm run walk -- (.*)$/.exec(line)?.[1] ?? '';
    const kept = lineWith('WALK SCENARIO', failed);
    const again = /npm run walk -- (.*)$/.exec(kept)?.[1] ?? '';
    const file = path.join(folder, 'no-up-to-date-check.json');

    const replayed = await runWalker(...command.split(' '));
    const withBug = await runWalker(...again.split(' '));
    const today = await runWalker('--scenario', file);

    expect(failed.exitCode).toBe(1);
    expect(line).toMatch(/^WALK FAIL (S|E)\d+ [a-z-]+ seed=[0-9a-z]+ step=\d+ run=replay -> /);
    expect(replayed.exitCode).toBe(1);
    const replayedLine = lineWith('WALK FAIL', replayed);
    const withoutRun = (text: string): string => text.replace(/ run=.*$/, '');
    expect(withoutRun(replayedLine)).toBe(withoutRun(line));
    const scenario = parseScenario(await readFile(file, 'utf8'), file);
    expect(line).toContain(`WALK FAIL ${scenario.code} `);
    const steps = scenario.tier === 0 ? scenario.steps : [];
    expect(kept).toContain(`${file} ${steps.length} steps`);
    expect(steps.length).toBeLessThan(60);
    expect(exitOf(withBug)).toMatch(/^exit 1\n/);
    expect(withBug.output).toContain(`violates ${scenario.code}: ${scenario.shows}`);
    expect(exitOf(today)).toMatch(/^exit 0\n/);
  },
  timeoutMs,
);

test(
  'a scenario that ends otherwise than its file says fails until that is accepted',
  async () => {
    const file = path.join(await newFolder(), 'other-end.json');
    const steps = ['initialize', 'wake n1', 'start n1'];
    const head = { name: 'other-end', shows: 'nothing', version: 1, tier: 0, code: 'S1' };
    await writeFile(file, JSON.stringify({ ...head, setup: {}, steps }));

    const open = await runWalker('--scenario', file);
    const accepted = await runWalker('--scenario', file, '--accept');
    const again = await runWalker('--scenario', file, '--trace');
    await writeFile(file, (await readFile(file, 'utf8')).replace('n1 candidate', 'n1 leader'));
    const changed = await runWalker('--scenario', file);

    expect(exitOf(open)).toMatch(/^exit 1\n/);
    expect(open.output).toContain('has no "end" yet');
    expect(exitOf(accepted)).toMatch(/^exit 0\n/);
    expect(exitOf(again)).toMatch(/^exit 0\n/);
    expect(again.output).toContain('#2 n1 <- wake');
    expect(exitOf(changed)).toMatch(/^exit 1\n/);
    expect(changed.output).toContain('other-end must end with');
  },
  timeoutMs,
);

test(
  'every scenario file shows its bug again where that is planted, and nothing without it',
  async () => {
    const outcome = await runWalker('--scenarios');

    expect(exitOf(outcome)).toMatch(/^exit 0\n/);
    expect(
      outcome.output.split('\n').filter((line) => line.startsWith('✓')).length,
    ).toBeGreaterThan(7);
  },
  timeoutMs,
);
