import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { expect, test } from 'vitest';

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
  'a failure names the command that replays it, with the same end',
  async () => {
    const planted = ['--mutant', 'no-up-to-date-check'];
    const failed = await runWalker('--seed', 'replay', ...planted);
    const line = lineWith('WALK FAIL', failed);
    const command = /npm run walk -- (.*)$/.exec(line)?.[1] ?? '';

    const replayed = await runWalker(...command.split(' '));

    expect(failed.exitCode).toBe(1);
    expect(line).toMatch(/^WALK FAIL (S|E)\d+ [a-z-]+ seed=[0-9a-z]+ step=\d+ run=replay -> /);
    expect(replayed.exitCode).toBe(1);
    const replayedLine = lineWith('WALK FAIL', replayed);
    const withoutRun = (text: string): string => text.replace(/ run=.*$/, '');
    expect(withoutRun(replayedLine)).toBe(withoutRun(line));
  },
  timeoutMs,
);
