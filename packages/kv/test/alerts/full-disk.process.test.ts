import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

// The disks are real file systems, which only the process of the drill sees.

const drill = path.join(import.meta.dirname, 'full-disk-drill.ts');
const mib = 1024 * 1024;

interface Seen {
  readonly refusal: { readonly code: string; readonly maybeApplied: boolean };
  readonly message: string;
  readonly fatal: string;
  readonly freeWhenRefused: readonly number[];
  readonly freeAtWorst: readonly number[];
  readonly counts: readonly number[];
}

/** How a small file system can be mounted that only one process sees, if at all. */
function findMounting(): readonly string[] | undefined {
  const ways = [['--mount'], ['--user', '--map-root-user', '--mount']];
  const mount = ['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', tmpdir()];
  return ways.find((flags) => spawnSync('unshare', [...flags, ...mount]).status === 0);
}

const mounting = findMounting();
const reason = mounting === undefined ? ' (skipped: this user may not mount a file system)' : '';

async function runDrill(folders: readonly string[]): Promise<Seen> {
  const mounts = folders.map((_, at) => `mount -t tmpfs -o size=96m tmpfs "$${at + 1}"`);
  const node = `"${process.execPath}" --conditions=quorate-source --disable-warning=ExperimentalWarning`;
  const script = `${mounts.join(' && ')} && exec ${node} "${drill}" "$@"`;
  const child = spawn('unshare', [...(mounting ?? []), 'sh', '-c', script, 'sh', ...folders], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  if (child.exitCode !== 0) throw new Error(`The drill has failed: ${err}${out}`);
  return JSON.parse(out) as Seen;
}

// The name says why it is skipped where it is.
test.skipIf(mounting === undefined)(
  `disks that really fill up: one costs its member, of most the writes, and nothing is lost${reason}`,
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'quorate-full-'));
    try {
      const folders = ['a', 'b', 'c'].map((name) => path.join(folder, name));
      for (const one of folders) await mkdir(one);

      const seen = await runDrill(folders);

      expect(seen).toMatchObject({
        refusal: { code: 'KV_LOW_SPACE', maybeApplied: false },
        isReadable: true,
        deleted: 1,
        freeAtWorst: [0, 0, 0],
        atWorst: 'KV_LOW_SPACE',
        isReadableAtWorst: true,
        isWorstThere: false,
        missing: [0, 0, 0],
        missingOfOne: [0, 0, 0],
        fatals: [],
      });
      // The one disk, that nobody could save, and that came back.
      expect(seen.fatal).toContain('ENOSPC');
      expect(seen.message).toMatch(/MiB free and wants 30\.0 MiB/);
      // It came before the end, and not long before.
      for (const free of seen.freeWhenRefused) {
        expect(free).toBeGreaterThan(2 * mib);
        expect(free).toBeLessThan(28 * mib);
      }
      // There was room for some after it, too.
      expect(Math.min(...seen.counts)).toBeGreaterThan(100);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
