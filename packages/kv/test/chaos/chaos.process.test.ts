import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Breakage, breakageVariable } from './breakages.ts';
import { planFaults } from './run.ts';

// The runner is a program of its own, as `npm run chaos -- --server kv` starts it.

const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const seconds = isFull ? 300 : 15;
/** Three start sooner than five, of which more comes about in a short time. */
const size = isFull ? [] : ['--nodes', '3', '--clients', '6'];
const minuteMs = 60_000;
const bootstrap = path.join(import.meta.dirname, '../../../../tools/bootstrap.mjs');

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'quorate-kv-chaos-test-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A fresh seed whose schedule has several kinds of faults, which a short one may not have. */
function eventfulSeed(): string {
  for (;;) {
    const seed = randomBytes(8).toString('hex');
    const plan = planFaults(seed, { seconds, slots: ['a', 'b', 'c'] });
    if (new Set(plan.map(({ fault }) => fault.type)).size >= 5) return seed;
  }
}

interface Outcome {
  readonly exitCode: number | null;
  readonly output: string;
}

interface Running {
  readonly pid: number;
  readonly ended: Promise<Outcome>;
  /** Resolves once the output has these words. */
  said(words: string): Promise<void>;
}

function startChaos(options: readonly string[], breakage: Breakage | '' = ''): Running {
  const child = spawn(process.execPath, [bootstrap, 'chaos', '--server', 'kv', ...options], {
    env: { ...process.env, [breakageVariable]: breakage },
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
  return { pid: child.pid ?? 0, ended, said };
}

/** The members' processes, by what was written down of them, that live. */
async function livingMembers(keep: string): Promise<readonly number[]> {
  const text = await readFile(path.join(keep, 'processes.txt'), 'utf8').catch(() => '');
  const pids = text.split('\n').filter(Boolean).map(Number);
  return pids.filter((pid) => existsSync(`/proc/${pid}`));
}

test(
  `${seconds} seconds of chaos with the key-value server and its clients leave nothing wrong`,
  async () => {
    const seed = eventfulSeed();
    const keep = path.join(folder, 'run');
    const options = ['--seconds', `${seconds}`, ...size, '--seed', seed];
    console.log(`chaos seed ${seed}: npm run chaos -- --server kv ${options.join(' ')}`);

    const { exitCode, output } = await startChaos([...options, '--keep', keep]).ended;

    console.log(output);
    expect(exitCode, `It said: ${output}`).toBe(0);
    expect(output).toContain('CHAOS OK');
    // The clients got something done, and there were faults of several kinds.
    expect(Number(/calls: (\d+) ok/.exec(output)?.[1])).toBeGreaterThan(100);
    expect(output).toMatch(/faults: (\D+ \d+, ){3,}.*restart \d+/);
    expect(output).toMatch(/leases (revoked|left alone) \d+/);
    expect(output).toMatch(/watches \d+/);
    expect(await livingMembers(keep)).toEqual([]);
  },
  seconds * 1000 + 3 * minuteMs,
);

test(
  'members that read without asking a majority are caught, and everything is kept',
  async () => {
    const keep = path.join(folder, 'stale');
    const options = ['--seconds', '10', '--nodes', '3', '--seed', 'calm', '--keep', keep];

    const { exitCode, output } = await startChaos(options, 'stale-reads').ended;

    expect(exitCode, `It said: ${output}`).toBe(1);
    const last = output.trimEnd().split('\n').at(-1) ?? '';
    expect(last).toMatch(/^CHAOS FAIL (stale|not-linearizable|transactions) -> /);
    expect(last).toContain(`-> kept in ${keep}`);
    expect(last).toContain(`${breakageVariable}=stale-reads npm run chaos -- --server kv `);
    const kept = await readdir(keep);
    expect(kept).toEqual(
      expect.arrayContaining(['a', 'a.log', 'history.jsonl', 'story.log', 'verdict.txt']),
    );
  },
  2 * minuteMs,
);

// What they show, the tests of the checks show as well.
test.runIf(isFull)(
  'members that leave changes out of watches, or do writes twice, are caught',
  async () => {
    const skipping = await startChaos(['--seconds', '5'], 'skipped-changes').ended;
    const repeating = await startChaos(['--seconds', '5'], 'blind-repeats').ended;

    expect(skipping.exitCode, `It said: ${skipping.output}`).toBe(1);
    expect(skipping.output).toMatch(/changes: Revision \d+ follows/);
    expect(repeating.exitCode, `It said: ${repeating.output}`).toBe(1);
    expect(repeating.output).toContain('took effect 2 times');
  },
  4 * minuteMs,
);

// Elsewhere there is no /proc to look for the processes in.
test.runIf(process.platform === 'linux')(
  'a runner that is killed or interrupted leaves no member behind',
  async () => {
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const keep = path.join(folder, signal);
      const runner = startChaos(['--seconds', '600', '--nodes', '3', '--keep', keep]);
      await runner.said('the members run');
      const before = await livingMembers(keep);

      process.kill(runner.pid, signal);
      const { exitCode } = await runner.ended;

      expect(before.length).toBe(3);
      await expect.poll(() => livingMembers(keep), { timeout: minuteMs / 2 }).toEqual([]);
      expect(exitCode).toBe(signal === 'SIGINT' ? 130 : null);
    }
  },
  2 * minuteMs,
);

test('wrong options of a chaos with the key-value server are named', async () => {
  const http = await startChaos(['--network', 'http']).ended;
  const long = await startChaos(['--seconds', '3600']).ended;
  const few = await startChaos(['--nodes', '2']).ended;

  expect(http.exitCode).toBe(2);
  expect(http.output).toContain('leave --network out');
  expect(long.exitCode).toBe(2);
  expect(long.output).toContain('--seconds must be 1800 at most with --server kv; got 3600.');
  expect(few.exitCode).toBe(2);
  expect(few.output).toContain('--nodes must be a whole number from 3 to 9, not "2".');
}, 30_000);
