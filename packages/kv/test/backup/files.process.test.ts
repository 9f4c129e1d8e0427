import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DamagedError } from 'quorate';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { writeBackupFile } from '../../src/backup/files.ts';
import { DirectoryPlace } from '../../src/backup/places/directory.ts';
import { fileOf, fullStore, inPieces } from './support/backups.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'quorate-backup-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('writing a backup to a file', () => {
  test('makes it, and the folders above it', async () => {
    const content = await fileOf(fullStore());
    const file = path.join(folder, 'some', 'where', 'it.qkvb');

    const { whole } = await writeBackupFile(file, inPieces(content));

    expect(whole.bytes).toBe(content.length);
    expect((await readFile(file)).equals(content)).toBe(true);
    expect(await readdir(path.dirname(file))).toEqual(['it.qkvb']);
  });

  test('leaves nothing of a stream that ends too early, as a broken connection does', async () => {
    const content = await fileOf(fullStore());
    const file = path.join(folder, 'it.qkvb');

    const writing = writeBackupFile(file, inPieces(content.subarray(0, 50_000)));

    await expect(writing).rejects.toThrow(DamagedError);
    expect(await readdir(folder)).toEqual([]);
  });

  test('leaves nothing of a stream that fails', async () => {
    const content = await fileOf(fullStore());
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield content.subarray(0, 1000);
      throw new Error('The line is dead.');
    }

    const writing = writeBackupFile(path.join(folder, 'it.qkvb'), broken());

    await expect(writing).rejects.toThrow('The line is dead.');
    expect(await readdir(folder)).toEqual([]);
  });

  test('leaves a file of the name as it is, unless it may be replaced', async () => {
    const content = await fileOf(fullStore());
    const file = path.join(folder, 'it.qkvb');
    await writeFile(file, 'mine');

    await expect(writeBackupFile(file, inPieces(content))).rejects.toMatchObject({
      code: 'EEXIST',
    });
    expect(await readFile(file, 'utf8')).toBe('mine');
    await writeBackupFile(file, inPieces(content), { existing: 'replace' });
    expect((await readFile(file)).equals(content)).toBe(true);
  });

  test('keeps the old file when the new one fails', async () => {
    const file = path.join(folder, 'it.qkvb');
    await writeFile(file, 'old');

    const writing = writeBackupFile(file, inPieces(Buffer.from('no backup')), {
      existing: 'replace',
    });

    await expect(writing).rejects.toThrow(DamagedError);
    expect(await readFile(file, 'utf8')).toBe('old');
  });

  test('ends when it is told to, with nothing left', async () => {
    const content = await fileOf(fullStore());
    const ending = new AbortController();
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield content.subarray(0, 1000);
      ending.abort(new Error('Enough.'));
      for (;;) yield content.subarray(1000, 2000);
    }

    const writing = writeBackupFile(path.join(folder, 'it.qkvb'), endless(), {
      signal: ending.signal,
    });

    await expect(writing).rejects.toThrow('Enough.');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('two that write the same file at once', () => {
  /** As the chunks of a backup, but the second half comes only when it is let through. */
  async function* heldBack(content: Buffer, go: Promise<void>): AsyncGenerator<Uint8Array> {
    yield content.subarray(0, 1000);
    await go;
    yield content.subarray(1000);
  }

  test('share nothing: one makes it, and the other is told that it is there', async () => {
    const [content, other] = [
      await fileOf(fullStore()),
      await fileOf(fullStore(), { member: 'b' }),
    ];
    const file = path.join(folder, 'it.qkvb');
    const go = Promise.withResolvers<void>();

    const late = writeBackupFile(file, heldBack(content, go.promise));
    const soon = writeBackupFile(file, inPieces(other));
    await soon;
    go.resolve();

    await expect(late).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(late).rejects.toThrow(`There is a file ${file} already.`);
    expect((await readFile(file)).equals(other)).toBe(true);
    expect(await readdir(folder)).toEqual(['it.qkvb']);
  });

  test('and may replace it make it one after the other, each whole', async () => {
    const [content, other] = [
      await fileOf(fullStore()),
      await fileOf(fullStore(), { member: 'b' }),
    ];
    const file = path.join(folder, 'it.qkvb');
    const go = Promise.withResolvers<void>();
    const options = { existing: 'replace' } as const;

    const late = writeBackupFile(file, heldBack(content, go.promise), options);
    await writeBackupFile(file, inPieces(other), options);
    go.resolve();
    await late;

    expect((await readFile(file)).equals(content)).toBe(true);
    expect(await readdir(folder)).toEqual(['it.qkvb']);
  });
});

test('what a process left of a file when it died goes with the next one of that name', async () => {
  const content = await fileOf(fullStore());
  // Of the first nobody writes any more; the second belongs to a process that runs.
  const left = ['it.qkvb.999999999-1.partial', `it.qkvb.${process.ppid}-1.partial`];
  const others = ['other.qkvb.999999999-1.partial', 'notes.partial'];
  for (const name of [...left, ...others]) await writeFile(path.join(folder, name), 'half');

  await writeBackupFile(path.join(folder, 'it.qkvb'), inPieces(content));

  expect(new Set(await readdir(folder))).toEqual(new Set(['it.qkvb', left[1], ...others]));
});

describe('a folder of backups', () => {
  const [old, young] = [
    '0f8fad5b.a.20260301T120000000Z.r4.qkvb',
    '0f8fad5b.b.20260302T120000000Z.r5.qkvb',
  ] as const;

  test('is empty before there is one, and lists the newest first', async () => {
    const place = new DirectoryPlace(path.join(folder, 'later'));
    expect(await place.list()).toEqual([]);
    const content = await fileOf(fullStore());

    await place.save(old, inPieces(content));
    await place.save(young, inPieces(content));

    expect((await place.list()).map(({ name, bytes }) => [name, bytes])).toEqual([
      [young, content.length],
      [old, content.length],
    ]);
  });

  test('leaves alone what is no backup, and removes what it is told to', async () => {
    const place = new DirectoryPlace(folder);
    await writeFile(path.join(folder, 'notes.txt'), 'mine');
    await place.save(old, inPieces(await fileOf(fullStore())));

    await place.remove(old);

    expect(await place.list()).toEqual([]);
    expect(await readdir(folder)).toEqual(['notes.txt']);
  });

  test('takes what another one has removed meanwhile as removed', async () => {
    const place = new DirectoryPlace(folder);
    await place.save(young, inPieces(await fileOf(fullStore())));
    // Its name is there, and it is not: so it looks in the midst of a removal.
    await symlink(path.join(folder, 'gone'), path.join(folder, old));

    expect((await place.list()).map(({ name }) => name)).toEqual([young]);
    await place.remove(young);
    await place.remove(young);
    expect(await place.list()).toEqual([]);
  });

  test('clears away what a member was writing when its process died, and no other', async () => {
    const place = new DirectoryPlace(folder);
    await writeFile(path.join(folder, `${old}.partial`), 'half');
    await writeFile(path.join(folder, `${old}.999999999-3.partial`), 'half');
    await writeFile(path.join(folder, `${young}.partial`), 'half');

    await place.save(old.replace('r4', 'r9'), inPieces(await fileOf(fullStore())));

    expect((await readdir(folder)).sort()).toEqual([old.replace('r4', 'r9'), `${young}.partial`]);
  });

  test('lets a backup of a member be made while another one of it is', async () => {
    const place = new DirectoryPlace(folder);
    const content = await fileOf(fullStore());
    const newer = old.replace('r4', 'r9');
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield content.subarray(0, 1000);
      await place.save(newer, inPieces(content));
      yield content.subarray(1000);
    }

    await place.save(old, slow());

    expect((await readdir(folder)).sort()).toEqual([old, newer].sort());
  });
});
