import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Breakage, breakageVariable } from './breakages.ts';
import { kindsIn, planOf } from './plan.ts';
import { slotsFor } from './run.ts';

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

/** Of a short run there is none for all. */
const wanted = ['replace', 'backup', 'restore', 'low disks', 'full stop'];

/** A fresh seed whose plan has what is wanted, and several kinds of faults. */
function eventfulSeed(options: { readonly seconds: number; readonly nodes: number }): {
  readonly seed: string;
  readonly kinds: readonly string[];
} {
  for (;;) {
    const seed = randomBytes(8).toString('hex');
    const plan = planOf(seed, { ...options, slots: slotsFor(options.nodes) });
    const kinds = [...kindsIn(plan).keys()];
    const struck = new Set(plan.faults.map(({ fault }) => fault.type));
    if (wanted.every((kind) => kinds.includes(kind)) && struck.size >= 3) return { seed, kinds };
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
    const { seed, kinds } = eventfulSeed({ seconds, nodes: isFull ? 5 : 3 });
    const keep = path.join(folder, 'run');
    const options = ['--seconds', `${seconds}`, ...size, '--seed', seed];
    console.log(`chaos seed ${seed}: npm run chaos -- --server kv ${options.join(' ')}`);

    const { exitCode, output } = await startChaos([...options, '--keep', keep]).ended;

    console.log(output);
    expect(exitCode, `It said: ${output}`).toBe(0);
    expect(output).toContain('CHAOS OK');
    // The clients got something done, and there were faults of several kinds.
    expect(Number(/calls: (\d+) ok/.exec(output)?.[1])).toBeGreaterThan(100);
    const happened = /faults: (.*)/.exec(output)?.[1];
    for (const kind of kinds) expect(happened).toMatch(new RegExp(`${kind}( \\(.*\\))? \\d`));
    expect(output).toMatch(/backups compared \d+/);
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
      expect.arrayContaining(['a.log', 'c', 'history.jsonl', 'story.log', 'verdict.txt']),
    );
  },
  2 * minuteMs,
);

// What they show, the tests of the checks show as well.
test.runIf(isFull)(
  'members that leave changes out, do writes twice or though they refuse them, or restore less than all, are caught',
  async () => {
    const skipping = await startChaos(['--seconds', '5'], 'skipped-changes').ended;
    const repeating = await startChaos(['--seconds', '5'], 'blind-repeats').ended;
    const { seed } = eventfulSeed({ seconds: 20, nodes: 3 });
    const small = ['--seconds', '20', '--nodes', '3', '--seed', seed];
    const losing = await startChaos(small, 'lossy-restores').ended;
    const leaking = await startChaos([...small, '--clients', '12'], 'leaky-refusals').ended;

    expect(skipping.exitCode, `It said: ${skipping.output}`).toBe(1);
    // What is missing shows at the end, or as what a backup has besides.
    expect(skipping.output).toMatch(/changes: Revision \d+ follows|backups: .* should not be/);
    expect(repeating.exitCode, `It said: ${repeating.output}`).toBe(1);
    expect(repeating.output).toContain('took effect 2 times');
    expect(losing.exitCode, `It said: ${losing.output}`).toBe(1);
    expect(losing.output).toMatch(/restore: .* is lost; it should be/);
    expect(leaking.exitCode, `It said: ${leaking.output}`).toBe(1);
    expect(leaking.output).toMatch(/was refused, and took effect|not-linearizable/);
  },
  6 * minuteMs,
);

/** What a runner ends with that gets this signal, once none of its members is left. */
async function endedBy(
  signal: 'SIGINT' | 'SIGKILL',
): Promise<{ readonly members: number; readonly exitCode: number | null }> {
  const keep = path.join(folder, signal);
  const runner = startChaos(['--seconds', '600', '--nodes', '3', '--keep', keep]);
  await runner.said('the members run');
  const before = await livingMembers(keep);

  process.kill(runner.pid, signal);
  const { exitCode } = await runner.ended;

  await expect.poll(() => livingMembers(keep), { timeout: minuteMs / 2 }).toEqual([]);
  return { members: before.length, exitCode };
}

// Elsewhere there is no /proc to look for the processes in.
test.runIf(process.platform === 'linux')(
  'a runner that is killed or interrupted leaves no member behind',
  async () => {
    const ended = await Promise.all([endedBy('SIGINT'), endedBy('SIGKILL')]);

    expect(ended).toEqual([
      { members: 3, exitCode: 130 },
      { members: 3, exitCode: null },
    ]);
  },
  2 * minuteMs,
);

test('wrong options of a chaos with the key-value server are named', async () => {
  const wrong = [
    ['--network', 'http'],
    ['--seconds', '3600'],
    ['--nodes', '2'],
  ];
  const ended = await Promise.all(wrong.map((options) => startChaos(options).ended));
  const [http, long, few] = ended as [Outcome, Outcome, Outcome];

  expect(http.exitCode).toBe(2);
  expect(http.output).toContain('leave --network out');
  expect(long.exitCode).toBe(2);
  expect(long.output).toContain('--seconds must be 1800 at most with --server kv; got 3600.');
  expect(few.exitCode).toBe(2);
  expect(few.output).toContain('--nodes must be a whole number from 3 to 9, not "2".');
}, 30_000);
