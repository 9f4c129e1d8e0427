import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scenarioFolder } from './scenarios/scenario-file.ts';

// The programs run as `npm run` starts them. All of these calls are wrong, so nothing else begins.

const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];
const timeoutMs = 60_000;

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'quorate-command-line-'));
  await writeFile(path.join(folder, 'broken.json'), '{"version": 1');
  const scenario = path.join(scenarioFolder, 'a-learner-counts-for-a-commit.json');
  const parsed = JSON.parse(await readFile(scenario, 'utf8')) as { steps: string[] };
  const steps = [...parsed.steps, 'dance a'];
  await writeFile(path.join(folder, 'step.json'), JSON.stringify({ ...parsed, steps }));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const folders = {
  walk: 'walker',
  explore: 'explore',
  chaos: 'chaos',
  sim: 'sim',
  mutants: 'mutants',
};
type Command = keyof typeof folders;

function run(command: Command, options: readonly string[]): Promise<Outcome> {
  const program = path.join(import.meta.dirname, folders[command], 'main.ts');
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const child = execFile(
    process.execPath,
    [...flags, program, ...options.map((option) => option.replace('FOLDER', folder))],
    { timeout: timeoutMs, killSignal: 'SIGKILL', cwd: folder },
    (_, stdout, stderr) => resolve({ exitCode: child.exitCode ?? -1, stdout, stderr }),
  );
  return promise;
}

describe.each<[command: Command, options: string, says: string]>([
  ['walk', '--stpes 5', "Unknown option '--stpes'. The options are --seed, --steps, --until,"],
  ['walk', '--steps', "Option '--steps <value>' argument missing. The options are --seed,"],
  ['walk', 'quickly', "Unexpected argument 'quickly'."],
  ['walk', '--steps ten', '--steps must be a whole number from 1, not "ten".'],
  ['walk', '--until -1', '--until'],
  ['walk', '--mutant nobody', '--mutant must be one of vote-not-durable, '],
  ['walk', '--mutants --scenarios', '--mutants and --scenarios cannot go together'],
  ['walk', '--accept', '--accept goes with --scenario FILE'],
  ['walk', '--scenario FOLDER/none.json', "no such file or directory, open 'FOLDER/none.json'"],
  ['walk', '--scenario FOLDER/broken.json', 'FOLDER/broken.json must be JSON'],
  ['walk', '--scenario FOLDER/step.json', '"dance a" must begin with one of '],
  ['explore', '--depth 5', "Unknown option '--depth'. The options are --minutes, --states,"],
  ['explore', '--elections some', '--elections must be a whole number from 0, not "some".'],
  ['explore', '--elections 16', 'elections must be from 0 to 15, not 16.'],
  ['explore', '--voters 4', 'voters must be 2 or 3, not 4.'],
  ['explore', '--minutes 0', '--minutes must be a number above 0, not "0".'],
  ['explore', '--disk wet', '--disk must be one of slow, instant, not "wet".'],
  ['explore', '--space outer', '--space must be one of small-elections, '],
  ['explore', '--mutant nobody', '--mutant must be one of vote-not-durable, '],
  ['explore', '--full --space large', '--full and --space cannot go together'],
  ['explore', '--full --beats 1', '--full has bounds of its own'],
  ['explore', '--replay FOLDER/none.json', "no such file or directory, open 'FOLDER/none.json'"],
  ['explore', '--replay FOLDER/broken.json', 'JSON'],
  ['chaos', '--minutes 5', "Unknown option '--minutes'. The options are --seconds, --nodes,"],
  ['chaos', '--nodes 2', '--nodes must be a whole number from 3 to 9, not "2".'],
  ['chaos', '--seconds 1e9', '--seconds must be a whole number from 1 to 14400, not "1e9".'],
  ['chaos', '--seed=', '--seed must not be empty.'],
  ['mutants', '--tiers 1', "Unknown option '--tiers'. The options are --bug, --tier,"],
  ['mutants', '--bug nobody', '--bug must be one of '],
  ['mutants', '--tier 2', '--tier must be one of 0, 1, not "2".'],
  ['mutants', '--tries 0', '--tries must be a whole number from 1, not "0".'],
  ['chaos', '--keep FOLDER', '--keep needs a folder that is empty or not there yet'],
])('npm run %s -- %s', (command, options, says) => {
  test(
    'is refused with what was wanted, and ends with 2',
    async () => {
      const { exitCode, stdout, stderr } = await run(command, options.split(' '));

      expect({ exitCode, stdout }, `It said: ${stderr}`).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toContain(says.replace('FOLDER', folder));
      expect(stderr).toContain(`"npm run ${command} -- --help" shows what can be asked for.`);
      expect(stderr).not.toContain('    at ');
    },
    timeoutMs,
  );
});

describe.each<[command: Command, options: string, says: string]>([
  ['sim', '--sedes 5', "Unknown option '--sedes'"],
  ['sim', '--seeds none', '--seeds must be a whole number'],
])('npm run %s -- %s', (command, options, says) => {
  test(
    'is refused with what was wanted, and ends with 2',
    async () => {
      const { exitCode, stdout, stderr } = await run(command, options.split(' '));

      expect({ exitCode, stdout }, `It said: ${stderr}`).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toContain(says);
      expect(stderr).not.toContain('    at ');
    },
    timeoutMs,
  );
});

test.each<Command>(['walk', 'explore', 'mutants', 'chaos'])(
  'npm run %s -- --help tells',
  async (command) => {
    const { exitCode, stdout } = await run(command, ['--help']);

    expect(exitCode).toBe(0);
    expect(stdout).toMatch(new RegExp(`^npm run ${command} `));
  },
);
