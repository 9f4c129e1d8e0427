import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { expect, test } from 'vitest';

const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const seeds = isFull ? 1000 : 26;
const timeoutMs = isFull ? 1_800_000 : 180_000;

const projectFolder = path.resolve(import.meta.dirname, '../../../..');
const program = path.join(import.meta.dirname, 'main.ts');

const usualMarks = [
  'watch batch',
  'renewed by hand',
  'lease revoked',
  'written twice',
  'http request',
];
/** What is met in one seed of fifty or more often. */
const rareMarks = [
  'damage found at a start',
  'damage found in a read',
  'damage outlived',
  'strange state found',
  'replaced, joins',
  'replaced, is added',
  'replaced, takes the place',
  'wiped member came back',
  'learner came and went',
  'voter added',
  'voter removed',
  'used name refused',
];

interface Outcome {
  readonly exitCode: number;
  readonly output: string;
}

/** In a process of its own, which is shut off from the real world while it simulates. */
function runProgram(...words: readonly string[]): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];
  const child = execFile(
    process.execPath,
    [...flags, program, ...words],
    { cwd: projectFolder, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 2 ** 26 },
    (_, stdout, stderr) => resolve({ exitCode: child.exitCode ?? -1, output: stdout + stderr }),
  );
  return promise;
}

function hashIn({ output }: Outcome): string | undefined {
  return /hash ([0-9a-f]{8})/.exec(output)?.[1];
}

test(
  'servers and clients keep all that they promise under faults, from fresh seeds',
  async () => {
    const seed = randomBytes(8).toString('hex');

    const { exitCode, output } = await runProgram('--seeds', String(seeds), '--seed', seed);

    console.log(output.trimEnd().split('\n').at(-1));
    expect(exitCode, `seed ${seed}\n${output}`).toBe(0);
    expect(output).toContain(`${seeds} seeds, 0 failures`);
    // Each of these is met in so many seeds, or somebody has stopped to work.
    for (const mark of isFull ? [...usualMarks, ...rareMarks] : usualMarks) {
      expect(output).toMatch(new RegExp(`^${mark}: [1-9]`, 'm'));
    }
  },
  timeoutMs,
);

test(
  'a seed does the same when it is repeated, in one process and in another one',
  async () => {
    const repeated = await runProgram('--seeds', '3', '--seed', 'again', '--repeat');
    const first = await runProgram('--seed', 'again');
    const second = await runProgram('--seed', 'again', '--trace');

    expect(repeated.exitCode, `the program said: ${repeated.output}`).toBe(0);
    expect(hashIn(first)).toBeDefined();
    expect(hashIn(second)).toBe(hashIn(first));
    expect(second.output).toMatch(/^\d+\.\d{4} start member-1 1$/m);
  },
  timeoutMs,
);

test(
  'what is found is told in one line, with the command that shows it again',
  async () => {
    const words = ['--seed', 'planted', '--plant'];
    const { exitCode, output } = await runProgram(...words);
    const line = output.split('\n').find((one) => one.startsWith('KV SIM FAIL')) ?? '';
    const again = / -> npm run sim -- (--server kv .*)$/.exec(line)?.[1] ?? '';
    const repeated = await runProgram(...again.split(' '));

    expect(exitCode).toBe(1);
    expect(line).toMatch(
      /^KV SIM FAIL stale seed=planted t=\d+\.\d{3}s -> npm run sim -- --server kv .* --trace$/,
    );
    expect(repeated.output).toContain(line);
  },
  timeoutMs,
);

test(
  'a bug is planted into a copy, and found there',
  async () => {
    const words = ['--bug', 'barrier-does-not-wait', '--seed', 'planted', '--seeds', '12'];
    const { exitCode, output } = await runProgram(...words);

    expect(exitCode, `the program said: ${output}`).toBe(1);
    expect(output).toMatch(/^KV SIM FAIL \w+ seed=.* --bug barrier-does-not-wait --trace$/m);
  },
  timeoutMs,
);
