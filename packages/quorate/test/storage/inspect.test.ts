import { describe, expect, test } from 'vitest';

import type { LogIndex } from '../../src/core/types.ts';
import { LockedError } from '../../src/errors.ts';
import type { StorageFault, StorageFinding, StorageSummary } from '../../src/storage/findings.ts';
import { inspectStorage } from '../../src/storage/inspect-storage.ts';
import { identity } from '../../src/testing/log-store/entries.ts';
import type { StoreWrite } from '../../src/testing/log-store/model.ts';
import { SeededRandom } from '../../src/testing/sim-fs/random.ts';
import { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';
import {
  chunksOf,
  metaFor,
  openSnapshots,
  snapshotDirectory,
  snapshotFiles,
} from './snapshots-under-test.ts';
import {
  append,
  openWal,
  Progress,
  purge,
  truncate,
  vote,
  walDirectory,
  walFiles,
} from './wal-under-test.ts';

const segmentBytes = 4096;

const writes: readonly StoreWrite[] = [
  { type: 'saveIdentity', identity },
  vote(1, 'a'),
  append(1, 1, [10, 300, 20]),
  append(4, 1, [2000, 700]),
  append(6, 1, [40]),
  append(7, 1, [1500, 30, 900]),
  truncate(8),
  append(9, 2, [1200, 30]),
  vote(3, 'b'),
  append(11, 3, [1500, 5]),
  append(13, 3, [60, 70]),
];

/** The disk of a node: a log of several segments, and a snapshot if it is wanted. */
async function makeDisk(
  more: readonly StoreWrite[] = [],
  { snapshot = 0 }: { readonly snapshot?: LogIndex } = {},
): Promise<SimFs> {
  const files = new SimFs();
  {
    await using store = await openWal(files, { segmentBytes });
    await new Progress().run(store, [...writes, ...more]);
  }
  await using snapshots = await openSnapshots(files);
  if (snapshot > 0) {
    await snapshots.save(
      metaFor({ index: snapshot, size: 0 }),
      chunksOf({ index: snapshot, size: 2000 }),
    );
  }
  return files;
}

async function inspect(files: SimFs): Promise<{
  readonly findings: readonly StorageFinding[];
  readonly faults: readonly StorageFault[];
  readonly end: StorageSummary;
}> {
  const findings: StorageFinding[] = [];
  for await (const finding of inspectStorage('/data', { files })) findings.push(finding);
  const faults = findings.filter((finding) => finding.type === 'fault');
  const end = findings.at(-1);
  if (end?.type !== 'end') throw new Error('The inspection has no end.');
  return { findings, faults, end };
}

function entriesIn(findings: readonly StorageFinding[]): number[] {
  return findings.flatMap((finding) =>
    finding.type === 'batch'
      ? finding.records.flatMap((record) =>
          record.type === 'entries' ? record.entries.map(({ logId }) => logId.index) : [],
        )
      : [],
  );
}

describe('the inspection of a disk that is as it was written', () => {
  test('tells of every entry in the order of the writes, also of those that were taken back', async () => {
    const { findings, faults, end } = await inspect(await makeDisk());

    expect(faults).toEqual([]);
    expect(entriesIn(findings)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 10, 11, 12, 13, 14]);
    expect(end).toMatchObject({
      identity,
      vote: { term: 3, votedFor: 'b' },
      purged: { index: 0 },
      last: { term: 3, index: 14 },
      snapshot: undefined,
      faults: 0,
    });
  });

  test('counts as many bytes as it promises', async () => {
    const { findings } = await inspect(await makeDisk([], { snapshot: 5 }));

    const [begin] = findings;
    const read = findings.reduce(
      (sum, finding) => sum + (finding.type === 'progress' ? finding.bytes : 0),
      0,
    );
    expect(begin).toMatchObject({ type: 'begin', isLocked: true });
    const promised = begin?.type === 'begin' ? begin.bytes : 0;
    expect(read).toBeGreaterThan(promised * 0.9);
    expect(read).toBeLessThanOrEqual(promised);
  });

  test('changes nothing, and leaves the lock', async () => {
    const files = await makeDisk([], { snapshot: 5 });
    const before = files.digest();

    await inspect(files);

    expect(files.digest()).toBe(before);
    await using store = await openWal(files, { segmentBytes });
    expect((await store.state()).last.index).toBe(14);
  });

  test('finds the snapshot that the log was purged for', async () => {
    const { faults, end } = await inspect(await makeDisk([purge(1, 5)], { snapshot: 6 }));

    expect(faults).toEqual([]);
    expect(end).toMatchObject({ purged: { index: 5 }, snapshot: { index: 6 } });
    expect(end.membership).toMatchObject({
      cluster: metaFor({ index: 6, size: 0 }).membership.cluster,
    });
  });

  test('is refused while a node runs there', async () => {
    const files = new SimFs();
    await using _ = await openWal(files, { segmentBytes });

    await expect(inspect(files)).rejects.toThrow(LockedError);
  });

  test('takes what a power cut left of the last write for what it is', async () => {
    const files = await makeDisk();
    const last = (await walFiles(files)).at(-1) ?? '';
    const { findings } = await inspect(files);
    const batches = findings.filter((finding) => finding.type === 'batch');
    const { offset = 0 } = batches.at(-1) ?? {};
    files.flipBit(last, offset + 40, 1);

    const { faults, end, findings: found } = await inspect(files);

    expect(faults).toEqual([]);
    expect(found).toContainEqual({ type: 'torn', file: last, offset });
    expect(end.last.index).toBe(12);
  });
});

/** Where the log ends: flips behind it may look like a torn write. */
async function endOf(files: SimFs): Promise<{ readonly file: string; readonly offset: number }> {
  const { findings } = await inspect(files);
  const last = findings.filter((finding) => finding.type === 'batch').at(-1);
  if (last === undefined) throw new Error('There is no batch.');
  return last;
}

describe('the inspection of a damaged disk', () => {
  test('finds and names every bit that is flipped before the last write', async () => {
    const disk = await makeDisk();
    const paths = await walFiles(disk);
    const end = await endOf(disk);
    const random = new SeededRandom('inspect');

    for (let round = 0; round < 400; round += 1) {
      const path = paths[random.uint32() % paths.length] ?? '';
      const position = random.uint32() % (path === end.file ? end.offset : segmentBytes);
      const files = disk.crash();
      files.flipBit(path, position, random.uint32() % 8);

      const { faults, end: summary } = await inspect(files);

      expect(summary.faults, `${path} at ${position}`).toBeGreaterThan(0);
      const [first] = faults;
      // A segment may tell only where it ends that something before was wrong.
      expect(first?.file, `${path} at ${position}`).toBe(path);
      expect(first?.offset).toBeLessThanOrEqual(position);
    }
  });

  test('says the truth about whether a node would start', async () => {
    const disk = await makeDisk();
    const [path = ''] = await walFiles(disk);
    const random = new SeededRandom('start');

    for (let round = 0; round < 200; round += 1) {
      const files = disk.crash();
      const position = random.uint32() % segmentBytes;
      files.flipBit(path, position, random.uint32() % 8);

      const { faults } = await inspect(files);
      const opened = openWal(files, { segmentBytes }).then(
        async (store) => store[Symbol.asyncDispose]().then(() => true),
        () => false,
      );

      expect(await opened, `byte ${position}`).toBe(!faults.some(({ isFatal }) => isFatal));
    }
  });

  test('names the entries that are lost, and goes on behind them', async () => {
    const files = await makeDisk();
    const { findings } = await inspect(files);
    const hit = findings.find(
      (finding) =>
        finding.type === 'batch' &&
        finding.records.some(
          (record) => record.type === 'entries' && record.entries[0]?.logId.index === 4,
        ),
    );
    if (hit?.type !== 'batch') throw new Error('There is no such batch.');
    files.flipBit(hit.file, hit.offset + 100, 3);

    const { faults, findings: left } = await inspect(files);

    expect(faults).toMatchObject([
      {
        file: hit.file,
        offset: hit.offset,
        wanted: `batch ${hit.number}`,
        found: 'records whose checksum is not the one in their head',
        lost: { from: 4, to: 5 },
        isFatal: true,
      },
    ]);
    expect(entriesIn(left)).toEqual([1, 2, 3, 6, 7, 8, 9, 9, 10, 11, 12, 13, 14]);
  });

  test('names a segment that is missing', async () => {
    const files = await makeDisk();
    const paths = await walFiles(files);
    const [, second = ''] = paths;
    expect(paths.length).toBeGreaterThan(2);
    await files.unlink(second);

    const { faults } = await inspect(files);

    expect(faults).toMatchObject([{ file: second, wanted: 'a segment', found: 'no such file' }]);
    expect(faults[0]?.lost?.from).toBeGreaterThan(1);
  });

  test('finds a flipped bit anywhere in a snapshot', async () => {
    const disk = await makeDisk([purge(1, 5)], { snapshot: 6 });
    const [path = ''] = (await snapshotFiles(disk)).filter((name) => name.endsWith('.snap'));
    const size = (await disk.size(path)) ?? 0;
    const random = new SeededRandom('snapshot');

    for (let round = 0; round < 200; round += 1) {
      const files = disk.crash();
      files.flipBit(path, random.uint32() % size, random.uint32() % 8);

      const { faults } = await inspect(files).catch((error: unknown) => ({
        // A head of another version, which is right, would be refused as such.
        faults: [{ file: path, message: String(error) }],
      }));

      expect(faults[0]?.file).toBe(path);
    }
  });

  test.each([
    [[purge(1, 5)], { from: 1, to: 5 }],
    [[], undefined],
  ] as const)('says what is lost by a damaged snapshot, behind %j', async (steps, lost) => {
    const disk = await makeDisk([...steps], { snapshot: 6 });
    const [path = ''] = (await snapshotFiles(disk)).filter((name) => name.endsWith('.snap'));
    disk.flipBit(path, ((await disk.size(path)) ?? 0) - 100, 0);

    const { faults } = await inspect(disk);

    expect(faults).toMatchObject([{ file: path, isFatal: true }]);
    expect(faults[0]?.lost).toEqual(lost);
  });

  test('misses the snapshot that the log was purged for', async () => {
    const { faults } = await inspect(await makeDisk([purge(1, 5)]));

    expect(faults).toMatchObject([
      { file: walDirectory, found: 'no snapshot', lost: { from: 1, to: 5 } },
    ]);
  });

  test('is nothing where there is no log', async () => {
    const files = new SimFs();
    await files.makeDirectory(snapshotDirectory);

    await expect(inspect(files)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
