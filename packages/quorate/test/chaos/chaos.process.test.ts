import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Breakage, breakageVariable } from './protocol.ts';

// The runner is a program of its own, as `npm run chaos` starts it.

const program = path.join(import.meta.dirname, 'main.ts');
const isFull = process.env['QUORATE_TEST_FULL'] === '1';
/** TCP is what nodes speak by default, and HTTP gets a smaller share. */
const runs = [
  {
    network: 'tcp',
    seconds: isFull ? 600 : 20,
    // The clients got something done, and the faults of most kinds were there.
    minOperations: 100,
    faults: /faults and changes: .*kill \d+.*pause \d+.*split/,
  },
  {
    network: 'http',
    seconds: isFull ? 120 : 10,
    minOperations: 30,
    faults: /faults and changes: (\D+ \d+, )+\D+ \d+/,
  },
] as const;
const longestMs = Math.max(...runs.map(({ seconds }) => seconds * 1000));
const minuteMs = 60_000;

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'quorate-chaos-test-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Outcome {
  readonly exitCode: number | null;
  readonly output: string;
}

interface Running {
  readonly pid: number;
  readonly ended: Promise<Outcome>;
  /** Resolves once the output has these words. */
  said(words: string): Promise<void>;
  stopListening(): void;
}

function startChaos(
  options: readonly string[],
  breakage: Breakage | '' = '',
  temporary = tmpdir(),
): Running {
  const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, program, ...options], {
    env: { ...process.env, [breakageVariable]: breakage, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let look = (): void => undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      look();
    });
  }
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, output }));
  });
  const said = (words: string): Promise<void> =>
    new Promise((resolve) => {
      look = () => {
        if (output.includes(words)) resolve();
      };
      look();
    });
  const stopListening = (): void => {
    child.stdout.destroy();
    child.stderr.destroy();
  };
  return { pid: child.pid ?? 0, ended, said, stopListening };
}

/** The numbers of the nodes' processes that live, by what was written down of them. */
async function livingNodes(keep: string): Promise<readonly number[]> {
  const text = await readFile(path.join(keep, 'processes.txt'), 'utf8').catch(() => '');
  const pids = text.split('\n').filter(Boolean).map(Number);
  return pids.filter((pid) => existsSync(`/proc/${pid}`));
}

test.each(runs)(
  '$seconds seconds of chaos over $network leave nothing wrong',
  async ({ network, seconds, minOperations, faults }) => {
    const seed = randomBytes(8).toString('hex');
    const options = ['--seconds', `${seconds}`, '--seed', seed, '--network', network];
    console.log(`chaos seed ${seed}: npm run chaos -- ${options.join(' ')}`);

    const { exitCode, output } = await startChaos(options).ended;

    console.log(output);
    expect(exitCode, `It said: ${output}`).toBe(0);
    expect(output).toContain(`nodes over ${network}`);
    expect(output).toContain('CHAOS OK');
    expect(Number(/operations: (\d+) ok/.exec(output)?.[1])).toBeGreaterThan(minOperations);
    expect(output).toMatch(faults);
  },
  longestMs + 3 * minuteMs,
);

test(
  'nodes that read without asking a majority are caught, and everything is kept',
  async () => {
    const keep = path.join(folder, 'stale');

    const options = ['--seconds', '2', '--seed', 'calm', '--keep', keep];
    const { exitCode, output } = await startChaos(options, 'stale-reads').ended;

    expect(exitCode, `It said: ${output}`).toBe(1);
    const last = output.trimEnd().split('\n').at(-1) ?? '';
    // On a slow machine the last reads may miss what was acknowledged, which is told first.
    expect(last).toMatch(/^CHAOS FAIL (not-linearizable|lost-write) -> /);
    expect(last).toContain(`-> kept in ${keep}`);
    expect(last).toContain(`${breakageVariable}=stale-reads npm run chaos -- --seconds 2 `);
    const kept = await readdir(keep);
    expect(kept).toEqual(
      expect.arrayContaining(['a', 'a.log', 'history.jsonl', 'story.log', 'verdict.txt']),
    );
    const picture = kept.find((name) => name.endsWith('.svg')) ?? '';
    expect(await readFile(path.join(keep, picture), 'utf8')).toContain('<svg');
    expect(await readFile(path.join(keep, 'verdict.txt'), 'utf8')).toContain('not-linearizable');
  },
  minuteMs,
);

// Two minutes, and what they show the other tests show of the parts.
test.runIf(isFull)(
  'nodes that answer too early, or repeat what they know nothing of, are caught',
  async () => {
    const early = await startChaos(['--seconds', '20'], 'early-answers').ended;
    const repeating = await startChaos(['--seconds', '3'], 'blind-repeats').ended;

    expect(early.exitCode, `It said: ${early.output}`).toBe(1);
    expect(early.output).toMatch(/lost-write|not-linearizable/);
    expect(repeating.exitCode, `It said: ${repeating.output}`).toBe(1);
    expect(repeating.output).toMatch(/repeated-write|not-exactly-once/);
  },
  5 * minuteMs,
);

// Elsewhere there is no /proc to look for the processes in.
test.runIf(process.platform === 'linux')(
  'a runner that is killed leaves no process behind, nor does one that is interrupted',
  async () => {
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const keep = path.join(folder, signal);
      const runner = startChaos(['--seconds', '600', '--keep', keep]);
      await runner.said('the nodes run');
      const before = await livingNodes(keep);

      process.kill(runner.pid, signal);
      const { exitCode } = await runner.ended;

      expect(before.length).toBe(5);
      await expect.poll(() => livingNodes(keep), { timeout: minuteMs / 2 }).toEqual([]);
      expect(exitCode).toBe(signal === 'SIGINT' ? 130 : null);
    }
  },
  2 * minuteMs,
);

// For the same reason.
test.runIf(process.platform === 'linux')(
  'a runner that ends before its time leaves no folder behind, unless that was asked for',
  async () => {
    const ends = {
      interrupted: ({ pid }: Running) => process.kill(pid, 'SIGINT'),
      killed: ({ pid }: Running) => process.kill(pid, 'SIGKILL'),
      unheard: (runner: Running) => runner.stopListening(),
    };
    const exitCodes = { interrupted: 130, killed: null, unheard: 1 };
    for (const [name, end] of Object.entries(ends)) {
      const temporary = path.join(folder, name);
      await mkdir(temporary);
      const runner = startChaos(['--seconds', '600'], '', temporary);
      await runner.said('the nodes run');
      const [own = ''] = await readdir(temporary);
      const data = path.join(temporary, own);
      const before = await livingNodes(data);

      end(runner);
      const { exitCode } = await runner.ended;

      expect(before.length).toBe(5);
      await expect.poll(() => readdir(temporary), { timeout: minuteMs / 2 }).toEqual([]);
      const alive = (): number[] => before.filter((pid) => existsSync(`/proc/${pid}`));
      await expect.poll(alive, { timeout: minuteMs / 2 }).toEqual([]);
      expect([name, exitCode]).toEqual([name, exitCodes[name as keyof typeof exitCodes]]);
    }
  },
  3 * minuteMs,
);

test('wrong options are named, and nothing is started', async () => {
  const wrong = await startChaos(['--nodes', '2']).ended;
  const full = await startChaos(['--keep', import.meta.dirname]).ended;

  expect(wrong.exitCode).toBe(2);
  expect(wrong.output).toContain('--nodes must be a whole number from 3 to 9, not "2".');
  expect(full.exitCode).toBe(2);
  expect(full.output).toContain('--keep needs a folder that is empty or not there yet');
});
