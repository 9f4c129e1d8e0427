import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { bugs, coreBugs, runtimeBugs } from './bugs.ts';
import { familiesOfCoreBugs } from './core-families.ts';
import { families } from './families.ts';
import { planted } from './planted-bug.ts';
import { hasDoubled, isSlower } from './slower.ts';
import { median, pageWith, readPage, readTable } from './table.ts';

const sourceFolder = path.resolve(import.meta.dirname, '..', '..', 'src');

/**
 * Bugs that no tier finds in a short search, by the table. The list may only become shorter: each
 * of them is something that too few runs get to.
 */
const notYetFound: readonly string[] = [];

test('each planted bug changes one place of the sources in each of its edits', async () => {
  for (const bug of bugs) {
    for (const { file } of bug.edits) {
      const text = await readFile(path.join(sourceFolder, file), 'utf8');

      expect(planted(bug, file, text), `bug ${bug.name}`).not.toBe(text);
    }
  }
});

test('an edit that no longer fits the sources is refused by name', () => {
  const bug = { name: 'made-up', families: [1], edits: [{ file: 'a', find: 'x', replace: 'y' }] };

  expect(() => planted(bug, 'a', 'x x')).toThrow(/"made-up" wants .* finds 2 of it: x/);
  expect(() => planted(bug, 'a', 'z')).toThrow(/finds 0/);
});

test('planted bugs have names of their own, and families that the page explains', () => {
  const names = bugs.map(({ name }) => name);
  const known = new Set(Object.keys(families).map(Number));

  expect(new Set(names).size).toBe(names.length);
  for (const bug of bugs) {
    expect(bug.families.length, `bug ${bug.name}`).toBeGreaterThan(0);
    expect(
      bug.families.filter((one) => !known.has(one)),
      `bug ${bug.name}`,
    ).toEqual([]);
  }
  const coreNames = new Set(coreBugs.map(({ name }) => name));
  expect(Object.keys(familiesOfCoreBugs).filter((name) => !coreNames.has(name))).toEqual([]);
});

test('there are bugs enough, and those of the runtime leave the core alone', () => {
  expect(coreBugs.length).toBeGreaterThanOrEqual(40);
  expect(runtimeBugs.length).toBeGreaterThanOrEqual(12);
  const files = runtimeBugs.flatMap(({ edits }) => edits.map(({ file }) => file));
  expect(files.filter((file) => file.startsWith('core/'))).toEqual([]);
});

test('the table has every planted bug, and the page shows the table', async () => {
  const table = await readTable();
  const page = await readPage();

  expect(table.map(({ name }) => name)).toEqual(bugs.map(({ name }) => name));
  const notFound = table.filter(({ codes }) => codes.length === 0).map(({ name }) => name);
  expect(notFound).toEqual(notYetFound);
  expect(pageWith(page, table)).toBe(page);
});

describe('a search is slower', () => {
  const before = [40, 60, 20, 80, 50];

  test('if it takes more than twice as long in nearly all tries', () => {
    expect(isSlower(before, [200, 300, 150, 400, 250])).toBe(true);
  });

  test('not if a few tries were unlucky', () => {
    expect(hasDoubled(before, [10, 110, 120])).toBe(true);
    expect(isSlower(before, [10, 110, 120])).toBe(false);
  });

  test('not if it is over in a few runs all the same', () => {
    expect(isSlower([1, 1, 1, 1, 1], [4, 4, 4, 4, 4])).toBe(false);
  });

  test('with the median in the middle of what was found', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  });
});
