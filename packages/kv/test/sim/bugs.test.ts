import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { planted } from '../../../quorate/test/mutants/planted-bug.ts';
import { kvBugs } from './bugs.ts';

const packagesFolder = path.resolve(import.meta.dirname, '../../..');

test('each bug that can be planted changes one place of the sources in each of its edits', async () => {
  for (const bug of kvBugs) {
    for (const { file } of bug.edits) {
      const text = await readFile(path.join(packagesFolder, file), 'utf8');

      expect(planted({ ...bug, families: [] }, file, text), `bug ${bug.name}`).not.toBe(text);
    }
  }
});

test('bugs that can be planted have names of their own', () => {
  const names = kvBugs.map(({ name }) => name);

  expect(new Set(names).size).toBe(names.length);
});
