import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fullSpaces, largeSpaces, smallSpaces } from './spaces.ts';

// The exploration runs as a program of its own: the code is then what Node runs, and at full speed.

const program = path.join(import.meta.dirname, 'main.ts');
const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const timeoutMs = 120_000;
const minuteMs = 60_000;
/** The full spaces take some two minutes, on a machine that has nothing else to do. */
const fullLimitMs = 40 * minuteMs;
const largeMinutes = 7;

interface Outcome {
  readonly exitCode: number;
  readonly output: string;
}

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'quorate-explore-test-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function runExplore(options: readonly string[], limitMs = timeoutMs): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const child = execFile(
    process.execPath,
    [program, ...options],
    { timeout: limitMs, killSignal: 'SIGKILL' },
    (_, stdout, stderr) => resolve({ exitCode: child.exitCode ?? -1, output: stdout + stderr }),
  );
  return promise;
}

test(
  'every state of the small spaces is visited, and nothing is wrong in any',
  async () => {
    const { exitCode, output } = await runExplore(['--out', path.join(folder, 'small.json')]);

    console.log(output);
    expect(exitCode, `It said:\n${output}`).toBe(0);
    expect(output.match(/exhausted: /g)).toHaveLength(smallSpaces.length);
    const [, states = ''] =
      /^\d+ spaces: ([\d,]+) states, [\d,]+ transitions in /m.exec(output) ?? [];
    // A core that nothing moves is gone through at once, too.
    expect(Number(states.replaceAll(',', ''))).toBeGreaterThan(100_000);
  },
  timeoutMs,
);

// Ten minutes are for the full run alone: first for what can be gone through to the end.
test.runIf(isFull)(
  'every state of the full spaces is visited, and nothing is wrong in any',
  async () => {
    const options = ['--full', '--out', path.join(folder, 'full.json')];

    const { exitCode, output } = await runExplore(options, fullLimitMs);

    console.log(output);
    expect(exitCode, `It said:\n${output}`).toBe(0);
    expect(output.match(/exhausted: /g)).toHaveLength(fullSpaces.length);
  },
  fullLimitMs + minuteMs,
);

// The rest of the ten minutes.
test.runIf(isFull)(
  'nothing is wrong in what seven minutes allow of the large spaces',
  async () => {
    const limitMs = 3 * largeMinutes * minuteMs;
    const options = ['--minutes', `${largeMinutes}`, '--out', path.join(folder, 'large.json')];

    const { exitCode, output } = await runExplore(options, limitMs);

    console.log(output);
    expect(exitCode, `It said:\n${output}`).toBe(0);
    const ends = output.match(/complete for every behaviour of up to \d+ events|exhausted: /g);
    expect(ends).toHaveLength(largeSpaces.length);
  },
  4 * largeMinutes * minuteMs,
);

// Each of them breaks one promise, and a few events are enough to see it.
test.each([
  ['vote-not-durable', 'S3', 'small-elections'],
  ['no-up-to-date-check', 'S8', 'small-elections'],
  ['wrong-quorum', 'S18', 'small-elections'],
  ['own-copy-counts-before-durable', 'S10', 'small-elections'],
  ['ack-before-durable', 'S4', 'small-elections'],
  ['commit-older-term-by-count', 'S12', 'small-elections'],
  ['apply-ahead-of-disk', 'S11', 'small-elections'],
  ['ack-own-last', 'S10', 'small-beat'],
  ['truncate-always', 'S13', 'small-logs'],
  ['change-without-joint', 'S16', 'small-leave'],
  ['learners-counted-for-votes', 'S18', 'small-join'],
  ['joint-counted-by-new-set-only', 'S10', 'small-join'],
])(
  'the planted bug %s is found by %s',
  async (mutant, code, space) => {
    const out = path.join(folder, `${mutant}.json`);

    const options = ['--space', space, '--mutant', mutant, '--out', out];
    const { exitCode, output } = await runExplore(options);

    expect(exitCode, `It said:\n${output}`).toBe(1);
    expect(output).toMatch(new RegExp(`^EXPLORE FAIL ${code} `, 'm'));
  },
  timeoutMs,
);

test(
  'the path of a violation is told in words, and the file replays it to the same end',
  async () => {
    const out = path.join(folder, 'path.json');
    const planted = ['--space', 'small-elections', '--mutant', 'no-up-to-date-check'];
    const found = await runExplore([...planted, '--out', out]);

    const replayed = await runExplore(['--replay', out]);

    expect(found.output).toContain('1. n1 waits no longer and campaigns');
    expect(replayed.exitCode).toBe(1);
    const told = /^1\. [\s\S]*^S\d+ .*$/m;
    expect(told.exec(replayed.output)?.[0]).toBe(told.exec(found.output)?.[0]);
  },
  timeoutMs,
);
