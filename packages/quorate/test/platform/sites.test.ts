import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { buggify, buggifyNames, installSites, mark, markNames } from '../../src/platform/sites.ts';

const sourceFolder = path.resolve(import.meta.dirname, '..', '..', 'src');

afterEach(() => {
  installSites(undefined);
});

/** Which names stand at the sites in the sources, each as often as it does. */
async function sitesIn(): Promise<{ marks: string[]; buggifies: string[] }> {
  const marks: string[] = [];
  const buggifies: string[] = [];
  for (const name of await readdir(sourceFolder, { recursive: true })) {
    if (!name.endsWith('.ts') || name.endsWith('platform/sites.ts')) continue;
    const text = await readFile(path.join(sourceFolder, name), 'utf8');
    for (const [, given = ''] of text.matchAll(/\bmark\(([^)]*)\)/g)) marks.push(...namesIn(given));
    for (const [, given = ''] of text.matchAll(/\bbuggify\(([^)]*)\)/g)) {
      buggifies.push(...namesIn(given));
    }
  }
  return { marks, buggifies };
}

/** A site may choose between names. */
function namesIn(given: string): string[] {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is looked for as it stands in a source
  const verdict = given.replace('`sessions.${verdict.type}`', "'sessions.expired'");
  return [...verdict.matchAll(/'(\w+\.\w+)'/g)].map(([, name = '']) => name);
}

test('every mark and every place that may do otherwise is in the sources', async () => {
  const { marks, buggifies } = await sitesIn();

  // One site says either `expired` or `forgotten`.
  const wanted = markNames.filter((name) => name !== 'sessions.forgotten');
  expect([...new Set(marks)].sort()).toEqual([...wanted].sort());
  expect(buggifies.sort()).toEqual([...buggifyNames].sort());
});

test('there are sites enough, and no name twice', () => {
  expect(markNames.length).toBeGreaterThanOrEqual(20);
  expect(buggifyNames.length).toBeGreaterThanOrEqual(10);
  expect(new Set([...markNames, ...buggifyNames]).size).toBe(
    markNames.length + buggifyNames.length,
  );
});

test('sites do nothing unless hooks are installed, and nothing again once they are taken away', () => {
  const seen: string[] = [];

  mark('log.readFromStore');
  const before = buggify('log.readOne');
  installSites({ mark: (name) => seen.push(name), buggify: (name) => name === 'log.readOne' });
  mark('wal.tornEnd');
  const during = [buggify('log.readOne'), buggify('log.dropTail')];
  installSites(undefined);
  mark('log.readFromStore');
  const after = buggify('log.readOne');

  expect(seen).toEqual(['wal.tornEnd']);
  expect([before, ...during, after]).toEqual([false, true, false, false]);
});
