import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { markNames } from '../../src/platform/sites.ts';
import {
  judgeMarks,
  type MarksFile,
  type Met,
  marksFileOf,
  missedLines,
  missingByChance,
  readMarks,
  writeMarks,
} from './marks-file.ts';

const [often, rare, never] = ['log.readFromStore', 'wal.tornEnd', 'wal.readOvertaken'] as const;

const file: MarksFile = {
  version: 1,
  seeds: 3000,
  perThousand: { [often]: 400, [rare]: 7, 'snapshot built': 30 },
};

function metIn(seedCount: number, seedsByMark: Readonly<Record<string, number>>): Met {
  return { seedCount, seedsByMark: new Map(Object.entries(seedsByMark)) };
}

async function inFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(path.join(tmpdir(), 'quorate-marks-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('a mark that was often met and is not met any more fails a large campaign, in one line', () => {
  const met = metIn(1000, { 'snapshot built': 31 });

  const verdict = judgeMarks(met, file);

  expect(verdict.missed).toEqual([{ name: often, perThousand: 400 }]);
  expect(missedLines(verdict, met, 'f00')).toEqual([
    'SIM FAIL coverage "log.readFromStore" was met in 400 of 1000 seeds before, and in none of ' +
      '1000 now -> npm run sim -- --seeds 1000 --seed f00',
  ]);
});

test('a mark outside the library is counted on as well', () => {
  const verdict = judgeMarks(metIn(2000, { [often]: 800 }), file);

  expect(verdict.missed.map(({ name }) => name)).toEqual(['snapshot built']);
});

test('a campaign of fewer than a thousand seeds only says what it has not met', () => {
  const verdict = judgeMarks(metIn(999, {}), file);

  expect(verdict.missed).toEqual([]);
  expect(verdict.neverMet).toEqual([...markNames]);
});

test('what is too rare to be counted on, or was never met, is said and fails nothing', () => {
  const verdict = judgeMarks(metIn(1000, { [often]: 390, 'snapshot built': 20 }), file);

  expect(verdict.missed).toEqual([]);
  expect(verdict.neverMet).toContain(rare);
  expect(verdict.neverMet).toContain(never);
  expect(verdict.neverMet).not.toContain(often);
});

test('what is too rare for a thousand seeds is counted on in ten thousand', () => {
  const met = metIn(10_000, { [often]: 4000, 'snapshot built': 300 });

  expect(judgeMarks(met, file).missed.map(({ name }) => name)).toEqual([rare]);
});

test('a mark that the file does not have is said', () => {
  const verdict = judgeMarks(metIn(10, { [often]: 4, 'a new one': 1 }), file);

  expect(verdict.unknown).toEqual(['a new one']);
});

test('what was measured in few seeds is counted on for less than it seems', () => {
  const measuredIn = (seeds: number): number =>
    missingByChance({ version: 1, seeds, perThousand: { [rare]: 20 } }, rare, 1000);

  expect(measuredIn(100_000)).toBeLessThan(1e-6);
  expect(measuredIn(1000)).toBeGreaterThan(1e-6);
  expect(measuredIn(100)).toBe(1);
});

test('what a campaign met is what the next one must meet', async () => {
  const met = metIn(2000, { [often]: 801, [rare]: 3 });

  const read = await inFolder(async (folder) => {
    const target = path.join(folder, 'marks.json');
    await writeMarks(met, target);
    return readMarks(target);
  });

  expect(read).toEqual(marksFileOf(met));
  expect(read.perThousand).toEqual({ [often]: 400.5, [rare]: 1.5 });
  expect(judgeMarks(metIn(2000, {}), read).missed.map(({ name }) => name)).toEqual([often]);
});

test('a small campaign is not accepted', async () => {
  await inFolder(async (folder) => {
    const target = path.join(folder, 'marks.json');

    await expect(writeMarks(metIn(999, {}), target)).rejects.toThrow(
      '--accept-marks wants a campaign of 1000 seeds or more, not of 999.',
    );
  });
});

test.each([
  ['{', /cannot be read as marks/],
  ['{"version": 2}', /must be of version 1/],
  ['{"version": 1, "seeds": 0, "perThousand": {}}', /with a number of seeds/],
  ['{"version": 1, "seeds": 10, "perThousand": {"a": 1001}}', /rates from 0 to 1000/],
  ['{"version": 1, "seeds": 10, "perThousand": {"a": "often"}}', /rates from 0 to 1000/],
])('a file that holds no marks is refused: %s', async (text, complaint) => {
  await inFolder(async (folder) => {
    const target = path.join(folder, 'marks.json');
    await writeFile(target, text);

    await expect(readMarks(target)).rejects.toThrow(complaint);
    await expect(readMarks(target)).rejects.toThrow(/npm run sim -- --seeds 3000 --accept-marks/);
  });
});

test('the file of this project counts on most of the rare branches of the library', async () => {
  const read = await readMarks();

  const counted = markNames.filter((name) => missingByChance(read, name, 1000) < 1e-6);
  expect(counted.length).toBeGreaterThan(markNames.length / 3);
});
