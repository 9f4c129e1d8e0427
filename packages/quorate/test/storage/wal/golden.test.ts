import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nodeFileSystem } from '../../../src/platform/node-file-system.ts';
import {
  goldenEntries,
  goldenIdentity,
  goldenState,
  goldenVote,
  openGolden,
  writeGolden,
} from './golden.ts';

const golden = path.join(import.meta.dirname, 'golden-v1');
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'quorate-golden-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

test('the files of version 1 are read by this version', async () => {
  await cp(golden, folder, { recursive: true });

  await using store = await openGolden(nodeFileSystem, folder);

  expect(await store.readIdentity()).toEqual(goldenIdentity);
  expect(await store.readVote()).toEqual(goldenVote);
  expect(await store.state()).toEqual(goldenState);
  expect(await store.read(4, 10)).toEqual(goldenEntries);
});

test('this version writes the files of version 1, byte by byte', async () => {
  await writeGolden(nodeFileSystem, folder);

  const names = (await readdir(folder)).filter((name) => name.endsWith('.wal'));
  expect(names).toEqual(await readdir(golden));
  for (const name of names) {
    const written = await readFile(path.join(folder, name));
    expect(written.equals(await readFile(path.join(golden, name)))).toBe(true);
  }
});
