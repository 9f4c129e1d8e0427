import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

// The simulator runs as a program of its own, as people start it.

const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const minutes = isFull ? 10 : 0.5;
const timeoutMs = isFull ? 1_200_000 : 300_000;

interface Outcome {
  readonly exitCode: number;
  readonly output: string;
}

function runProgram(name: string, ...options: readonly string[]): Promise<Outcome> {
  const file = path.join(import.meta.dirname, name);
  return runNode('--conditions=quorate-source', file, ...options);
}

function runNode(...words: readonly string[]): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const child = execFile(
    process.execPath,
    words,
    { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 2 ** 26 },
    (_, stdout, stderr) => resolve({ exitCode: child.exitCode ?? -1, output: stdout + stderr }),
  );
  return promise;
}

async function inFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(path.join(tmpdir(), 'quorate-sim-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function hashIn({ output }: Outcome): string | undefined {
  return /hash ([0-9a-f]{8})/.exec(output)?.[1];
}

test(
  'whole clusters survive every fault, from fresh seeds',
  async () => {
    const seed = randomBytes(8).toString('hex');
    console.log(`simulator seed ${seed}`);

    const { exitCode, output } = await inFolder((out) =>
      runProgram('main.ts', '--minutes', `${minutes}`, '--seed', seed, '--out', out),
    );

    console.log(output);
    expect(exitCode, `${output}\nsimulator seed ${seed}`).toBe(0);
    expect(output).toMatch(/^\d+ seeds, [1-9]\d* of them twice, /m);
  },
  timeoutMs,
);

test(
  'one seed does the same in two processes, and a page can be made of it',
  async () => {
    await inFolder(async (folder) => {
      const page = path.join(folder, 'run.html');

      const first = await runProgram('main.ts', '--seed', 'twice', '--out', folder);
      const again = await runProgram('main.ts', '--seed', 'twice', '--html', page);

      expect(hashIn(first)).toBeDefined();
      expect(hashIn(again)).toBe(hashIn(first));
      expect(await readFile(page, 'utf8')).toContain('<title>Run twice</title>');
    });
  },
  timeoutMs,
);

test(
  'a run is cut off where it is asked to be, and told line by line',
  async () => {
    const { exitCode, output } = await inFolder((folder) =>
      runProgram('main.ts', '--seed', 'cut', '--until', '300', '--trace', '--out', folder),
    );

    expect(exitCode, `the program said: ${output}`).toBe(0);
    expect(output).toMatch(/^ +1 +0\.\d{4} /m);
    expect(output).toMatch(/^ +300 /m);
    expect(output).not.toMatch(/^ +301 /m);
  },
  timeoutMs,
);

test(
  'a failure is told in one line, with the command that shows it again, and kept in a file',
  async () => {
    await inFolder(async (folder) => {
      const planted = ['--plant', 'violation', '--out', folder];
      const failed = await runProgram('main.ts', '--seed', 'planted', ...planted);
      const line = failed.output.split('\n').find((one) => one.startsWith('SIM FAIL')) ?? '';
      const command = /npm run sim -- (.*)$/.exec(line)?.[1] ?? '';
      const [name] = await readdir(folder);

      const again = await runProgram('main.ts', ...command.split(' '), ...planted);
      const replayed = await runProgram(
        'main.ts',
        '--replay',
        path.join(folder, name ?? ''),
        ...planted,
      );

      expect(failed.exitCode).toBe(1);
      expect(line).toMatch(
        /^SIM FAIL S0 planted seed=planted t=\d+\.\d{3}s event=\d+ -> npm run sim -- --seed planted --until \d+ --plant violation --trace$/,
      );
      expect(again.output).toContain(line);
      expect(replayed.output).toContain(line);
    });
  },
  timeoutMs,
);

test(
  'wrong options are refused with what was wanted',
  async () => {
    const outcomes = await Promise.all([
      runProgram('main.ts', '--seeds', 'many'),
      runProgram('main.ts', '--replay', '/nowhere/run.json'),
      runProgram('main.ts', '--plant', 'tree'),
    ]);

    expect(outcomes.map(({ exitCode }) => exitCode)).toEqual([2, 2, 2]);
    expect(outcomes[0]?.output).toContain('--seeds must be a whole number above 0, not many.');
    expect(outcomes[1]?.output).toContain('/nowhere/run.json cannot be read as a run');
    expect(outcomes[2]?.output).toContain('--plant must be violation, not tree.');
  },
  timeoutMs,
);

test(
  'whoever reaches for the real world while the traps are armed is refused',
  async () => {
    const { exitCode, output } = await runProgram('trap-child.ts');

    expect(exitCode, `the program said: ${output}`).toBe(0);
    const told = JSON.parse(output) as {
      outcomes: Record<string, [string, boolean]>;
      isBack: boolean;
      isPast: string;
    };
    const through = Object.entries(told.outcomes).filter(
      ([, [name, isCaught]]) => name !== 'TrapError' || !isCaught,
    );
    expect(Object.keys(told.outcomes).length).toBeGreaterThan(15);
    expect(through).toEqual([]);
    expect(told.isBack).toBe(true);
    expect(told.isPast).toBe('1970-01-02T00:00:00.000Z');
  },
  timeoutMs,
);

test('the npm script runs a campaign on several processes', { timeout: timeoutMs }, async () => {
  const bootstrap = path.join(import.meta.dirname, '../../../../tools/bootstrap.mjs');

  const outcome = await runNode(bootstrap, 'sim', '--seeds', '4', '--workers', '2');

  expect(outcome.output).toContain('4 seeds');
  expect(outcome.exitCode).toBe(0);
});
