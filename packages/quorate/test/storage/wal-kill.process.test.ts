import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { walStorage } from '../../src/storage/wal.ts';
import { checkLog, killedSegmentBytes, type LogEnds } from './wal-kill-work.ts';

const program = fileURLToPath(new URL('./wal-kill-child.ts', import.meta.url));
/** Runs a program with mounts of its own. */
const unshare = 'unshare';
const rounds = 10;

let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-kill-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

/** What the programs have said last of each. */
interface Said extends LogEnds {
  readonly error?: string;
  readonly found?: LogEnds;
}

function start(command: string, ...given: readonly string[]): ChildProcess {
  return spawn(command, given, { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Notes all that the child says until it ends; kills it after so many lines. */
async function listen(child: ChildProcess, before: Said, killAfter = Infinity): Promise<Said> {
  const exited = once(child, 'exit');
  if (child.stdout === null) throw new Error('The child has no stdout.');
  let said = before;
  let count = 0;
  // What it said before it died is read to the end: that was acknowledged too.
  for await (const line of createInterface({ input: child.stdout })) {
    said = { ...said, ...(JSON.parse(line) as Partial<Said>) };
    count += 1;
    if (count === killAfter) child.kill('SIGKILL');
  }
  await exited;
  return said;
}

function expectKept(found: LogEnds | undefined, { index, term, purged }: LogEnds): void {
  expect(found?.index).toBeGreaterThanOrEqual(index);
  expect(found?.term).toBeGreaterThanOrEqual(term);
  expect(found?.purged).toBeGreaterThanOrEqual(purged);
}

test('a log whose process is killed again and again keeps all that it acknowledged', async () => {
  let said: Said = { index: 0, term: 0, purged: 0 };

  for (let round = 0; round < rounds; round += 1) {
    const child = start(process.execPath, program, 'append', directory);
    said = await listen(child, said, 5 + ((round * 137) % 400));
    await using storage = await walStorage(directory, { segmentBytes: killedSegmentBytes });
    expectKept(await checkLog(storage.log), said);
  }

  expect(said.error).toBeUndefined();
  expect(said.purged).toBeGreaterThan(0);
});

/** How a small file system can be mounted that only one process sees, if at all. */
function findMounting(): readonly string[] | undefined {
  const ways = [['--mount'], ['--user', '--map-root-user', '--mount']];
  const mount = ['mount', '-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', tmpdir()];
  return ways.find((flags) => spawnSync(unshare, [...flags, ...mount]).status === 0);
}

const mounting = findMounting();
const reason = mounting === undefined ? ' (skipped: this user may not mount a file system)' : '';

// The name says why it is skipped where it is.
test.skipIf(mounting === undefined)(
  `a log on a disk that really fills up fails, and keeps what it acknowledged${reason}`,
  async () => {
    const script =
      'mount -t tmpfs -o size=512k tmpfs "$3" && "$1" "$2" append "$3" && "$1" "$2" check "$3"';
    const flags = [...(mounting ?? []), 'sh', '-c', script, 'sh'];

    const child = start(unshare, ...flags, process.execPath, program, directory);
    const said = await listen(child, { index: 0, term: 0, purged: 0 });

    expect(said.error).toContain('ENOSPC');
    expect(said.index).toBeGreaterThan(100);
    expectKept(said.found, said);
  },
);
