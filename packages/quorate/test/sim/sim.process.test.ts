import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readScenario, scenarioFolder } from '../scenarios/scenario-file.ts';
import type { Summary } from './summary.ts';

// The simulator runs as a program of its own, as people start it.

const isFull = process.env['QUORATE_TEST_FULL'] === '1';
/** Fewer would not show that a rare branch is not taken any more. */
const size = isFull ? ['--minutes', '10'] : ['--seeds', '500'];
const timeoutMs = isFull ? 1_200_000 : 300_000;
/** Two quiet cores take a minute or two; a failure is shrunk in as much again. */
const campaignTimeoutMs = isFull ? timeoutMs : 600_000;
const projectFolder = path.resolve(import.meta.dirname, '../../../..');

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
    { cwd: projectFolder, timeout: campaignTimeoutMs, killSignal: 'SIGKILL', maxBuffer: 2 ** 26 },
    (_, stdout, stderr) => resolve({ exitCode: child.exitCode ?? -1, output: stdout + stderr }),
  );
  return promise;
}

/** One of another tier. */
const walkScenario = path.join(scenarioFolder, 'voters-change-in-one-step.json');

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
  `whole clusters survive every fault, from fresh seeds${isFull ? ', and meet what they met before' : ''}`,
  async () => {
    const seed = randomBytes(8).toString('hex');
    console.log(`simulator seed ${seed}`);

    // What is found stays: the run among those that failed, and the scenario for all later tests.
    const { exitCode, output } = await runProgram('main.ts', ...size, '--seed', seed);

    const told = output.split('\n');
    const lines = told.filter((line) =>
      /^(SIM |the run|the page|never met|\d+ seeds, )/.test(line),
    );
    console.log(lines.join('\n'));
    expect(exitCode, `simulator seed ${seed}\n${lines.join('\n')}\n${output}`).toBe(0);
    expect(output).toMatch(/^\d[\d,]* seeds, [1-9]\d* of them twice, /m);
  },
  campaignTimeoutMs,
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
      const name = (await readdir(folder)).find((one) => one.endsWith('.json'));

      const again = await runProgram('main.ts', ...command.split(' '), ...planted);
      const file = path.join(folder, name ?? '');
      const replayed = await runProgram('main.ts', '--replay', file, ...planted);

      expect(failed.exitCode).toBe(1);
      expect(line).toMatch(
        /^SIM FAIL S0 planted seed=planted t=\d+\.\d{3}s event=\d+ -> npm run sim -- --seed planted --until \d+ --plant violation --trace$/,
      );
      expect(again.output).toContain(line);
      expect(replayed.output).toContain(line.replace('--seed planted', `--replay ${file}`));
    });
  },
  timeoutMs,
);

test(
  'the first failure of a campaign becomes a scenario and pages, by itself',
  async () => {
    await inFolder(async (folder) => {
      const planted = ['--plant', 'violation'];
      const kept = ['--out', folder, '--scenarios', folder];

      const campaign = ['--seeds', '3', '--seed', 'f00', '--workers', '1'];
      const failed = await runProgram('main.ts', ...campaign, ...planted, ...kept);
      const files = await readdir(folder);
      const file = path.join(folder, 'found-s0-f00.json');
      const scenario = await readScenario(file);
      const again = await runProgram('main.ts', '--scenario', file, ...planted, ...kept);
      const sound = await runProgram('main.ts', '--scenario', file, ...kept);

      const lines = failed.output.split('\n').filter((line) => line.startsWith('SIM '));
      expect(failed.exitCode).toBe(1);
      expect(lines).toEqual([
        expect.stringMatching(/^SIM FAIL S0 planted seed=f00 .* --plant violation --trace$/),
        `SIM SCENARIO ${file} -> npm run sim -- --scenario ${file} --plant violation --trace`,
      ]);
      expect(files).toEqual(expect.arrayContaining(['f00.json', 'f00.html']));
      expect(files).toContain('found-s0-f00.html');
      expect(scenario).toMatchObject({ tier: 1, code: 'S0', shows: 'This was put in for a test.' });
      expect(again.output).toContain('SIM FAIL S0 planted ');
      expect(again.exitCode).toBe(1);
      expect(sound).toMatchObject({ exitCode: 0 });
    });
  },
  timeoutMs,
);

test(
  'a run that differs when it is repeated fails the campaign, and where it differs is told',
  async () => {
    await inFolder(async (folder) => {
      const planted = ['--plant', 'nondeterminism', '--out', folder, '--scenarios', folder];
      const campaign = ['--seeds', '2', '--seed', 'f01', '--workers', '1'];

      const { exitCode, output } = await runProgram('main.ts', ...campaign, ...planted);

      expect({ exitCode, output }).toMatchObject({ exitCode: 1 });
      expect(output.split('\n').filter((line) => line.startsWith('SIM '))).toEqual([
        'SIM FAIL unseed nondeterminism seed=f01 -> ' +
          'npm run sim -- --seeds 1 --seed f01 --plant nondeterminism',
      ]);
      expect(output).toMatch(/^two runs part at event \d+:$/m);
    });
  },
  timeoutMs,
);

test(
  'the figures of a campaign are kept, and a small one fails for no mark that it has not met',
  async () => {
    await inFolder(async (folder) => {
      const [json, page] = [path.join(folder, 'figures.json'), path.join(folder, 'figures.md')];
      const campaign = ['--seeds', '6', '--seed', 'f02', '--out', folder];

      const first = await runProgram('main.ts', ...campaign, '--summary', json);
      const second = await runProgram('main.ts', ...campaign, '--summary', page);

      const summary = JSON.parse(await readFile(json, 'utf8')) as Summary;
      const text = await readFile(page, 'utf8');
      expect([first.exitCode, second.exitCode]).toEqual([0, 0]);
      expect(first.output).toMatch(/^never met: /m);
      expect(summary).toMatchObject({ seed: 'f02', seeds: 6, repeatedSeeds: 1, failures: 0 });
      expect(summary.events).toBeGreaterThan(1000);
      expect(summary.cpuSeconds).toBeGreaterThan(0);
      expect(summary.simulatedHoursPerCoreMinute).toBeGreaterThan(0);
      expect(Object.keys(summary.faults).length).toBeGreaterThan(5);
      expect(summary.marks['snapshot built']?.seeds).toBeGreaterThan(0);
      for (const figure of [summary.events, summary.faultCount, summary.simulatedHours]) {
        expect(text).toContain(`| ${figure.toLocaleString('en')} |`);
      }
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
      runProgram('main.ts', '--bug', 'none'),
      runProgram('main.ts', '--summary', 'figures.txt'),
      runProgram('main.ts', '--scenario', walkScenario),
      runProgram('main.ts', '--seeds', '2', '--accept-marks'),
    ]);

    expect(outcomes.map(({ exitCode }) => exitCode)).toEqual(outcomes.map(() => 2));
    expect(outcomes[0]?.output).toContain('--seeds must be a whole number above 0, not many.');
    expect(outcomes[1]?.output).toContain('/nowhere/run.json cannot be read as a run');
    expect(outcomes[2]?.output).toContain('--plant must be one of violation, nondeterminism');
    expect(outcomes[3]?.output).toMatch(/^--bug must be one of .*, not none\.$/m);
    expect(outcomes[4]?.output).toContain('must name a file that ends in .md or .json');
    expect(outcomes[5]?.output).toContain(`${walkScenario} is of tier 0`);
    expect(outcomes[6]?.output).toContain('wants a campaign of 1000 seeds or more, not of 2.');
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
