import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DamagedError, UnsupportedError } from 'quorate';
import { describe, expect, test } from 'vitest';

import { openBackup, peekHead } from '../../src/backup/decode.ts';
import { nameOf, readName } from '../../src/backup/names.ts';
import { verifyBackup } from '../../src/backup/verify.ts';
import { KvStore } from '../../src/store/store.ts';
import { picture, put } from '../store/kit.ts';
import { fileOf, fullStore, headOf, inPieces } from './support/backups.ts';

function verify(file: Buffer, { rebuild = false, size = 4096 } = {}) {
  return verifyBackup(inPieces(file, size), { name: 'it.qkvb', rebuild });
}

describe('a backup file', () => {
  test('has everything of the store that it is of', async () => {
    const store = fullStore();
    const copy = new KvStore();

    const opened = await openBackup(inPieces(await fileOf(store)), 'it.qkvb');
    await copy.restore(opened.content);

    expect(opened.head).toEqual(headOf(store));
    expect(picture(copy)).toEqual(picture(store));
    expect(copy.hash()).toBe(store.hash());
  });

  test.each([1, 7, 4096, 1_000_000])('may come in pieces of %i bytes', async (size) => {
    const store = fullStore();
    const file = await fileOf(store);

    const { head, whole, content } = await verify(file, { size });

    expect(head.hash).toBe(store.hash());
    expect(whole).toMatchObject({ bytes: file.length });
    expect(content).toEqual({
      revision: store.revision,
      compactedRevision: 4,
      keys: store.keyCount,
      leases: 1,
      hash: store.hash(),
    });
  });

  test('is counted without building the store as the store itself is', async () => {
    const file = await fileOf(fullStore());

    const [counted, built] = [await verify(file), await verify(file, { rebuild: true })];

    expect(counted).toEqual(built);
  });

  test('of the empty store is one too', async () => {
    const { content } = await verify(await fileOf(new KvStore()), { rebuild: true });

    expect(content).toMatchObject({ revision: 1, keys: 0, leases: 0 });
  });

  test('keeps its head when it is looked at before it is passed on', async () => {
    const store = fullStore();
    const file = await fileOf(store);

    const { head, chunks } = await peekHead(inPieces(file, 100), 'it');
    const parts: Uint8Array[] = [];
    for await (const part of chunks) parts.push(part);

    expect(head).toEqual(headOf(store));
    expect(Buffer.concat(parts).equals(file)).toBe(true);
  });

  test('of version 1 can be read as long as there are any', async () => {
    const golden = path.join(import.meta.dirname, 'golden', 'version-1.qkvb');

    const { head, content } = await verify(readFileSync(golden), { rebuild: true });

    expect(head).toEqual(headOf(fullStore()));
    expect(content).toMatchObject({ keys: 3, leases: 1, hash: fullStore().hash() });
  });
});

describe('a file that is no whole backup', () => {
  test('is refused wherever a bit of it is flipped', async () => {
    const store = new KvStore();
    for (let at = 0; at < 50; at += 1) put(store, `key ${at}`, 'x'.repeat(at));
    const file = await fileOf(store);

    for (let at = 0; at < file.length; at += 1) {
      const damaged = Buffer.from(file);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));

      const outcome = await verify(damaged).catch((error: unknown) => error);

      expect(outcome, `byte ${at}`).toBeInstanceOf(DamagedError);
    }
  });

  test('is refused wherever it is cut off', async () => {
    const store = new KvStore();
    for (let at = 0; at < 50; at += 1) put(store, `key ${at}`, 'x'.repeat(at));
    const file = await fileOf(store);

    for (let size = 0; size < file.length; size += 1) {
      const outcome = await verify(file.subarray(0, size)).catch((error: unknown) => error);

      expect(outcome, `${size} bytes`).toBeInstanceOf(DamagedError);
    }
  });

  test('is refused if a frame is missing, or stands in another place', async () => {
    const store = new KvStore();
    for (let at = 0; at < 300; at += 1) put(store, `key ${at}`, 'x'.repeat(1000));
    const opened = await openBackup(inPieces(await fileOf(store)), 'it');
    const parts: Buffer[] = [];
    for await (const part of opened.content) parts.push(Buffer.from(part));
    expect(parts.length).toBeGreaterThan(3);
    const file = await fileOf(store);
    const first = file.indexOf(parts[1] as Buffer) - 8;
    const second = file.indexOf(parts[2] as Buffer) - 8;
    const third = file.indexOf(parts[3] as Buffer) - 8;

    const missing = Buffer.concat([file.subarray(0, first), file.subarray(second)]);
    const moved = Buffer.concat([
      file.subarray(0, first),
      file.subarray(second, third),
      file.subarray(first, second),
      file.subarray(third),
    ]);

    await expect(verify(missing)).rejects.toThrow('the checksum of the frame that begins there');
    await expect(verify(moved)).rejects.toThrow('the checksum of the frame that begins there');
  });

  test('is refused if more follows', async () => {
    const file = Buffer.concat([await fileOf(fullStore()), Buffer.from('!')]);

    await expect(verify(file)).rejects.toThrow('more follows after its end');
  });

  test('is refused if its head names another state', async () => {
    const file = await fileOf(fullStore(), { hash: '0123456789abcdef' });

    await expect(verify(file)).rejects.toThrow('should be of revision');
    await expect(verify(file, { rebuild: true })).rejects.toThrow('should be of revision');
  });

  test.each([
    ['', 'it ends there, in the middle of the head'],
    ['something else altogether', 'it begins with "somethin", and a backup with "QKVBACK1"'],
  ])('is refused with its reason: %j', async (content, reason) => {
    const outcome = verify(Buffer.from(content));

    await expect(outcome).rejects.toThrow(`it.qkvb is no whole backup. At byte`);
    await expect(outcome).rejects.toThrow(reason);
  });

  test('does not make a damaged length wait for memory', async () => {
    const file = await fileOf(fullStore());
    const headLength = 16 + file.readUInt32LE(8);
    file.writeUInt32LE(0xffff_fff0, headLength);

    await expect(verify(file)).rejects.toThrow('a frame claims 4294967280 bytes');
  });

  test('of another version of the format says so', async () => {
    const { crc32 } = await import('node:zlib');
    const file = await fileOf(new KvStore());
    file.write('2', 7, 'latin1');
    const json = file.subarray(16, 16 + file.readUInt32LE(8));
    file.writeUInt32LE(crc32(json, crc32(file.subarray(0, 12))), 12);

    await expect(verify(file)).rejects.toThrow(UnsupportedError);
  });
});

describe('the name of a backup', () => {
  test('says what it is of, and is read as it was written', () => {
    const name = nameOf(headOf(fullStore(), { member: 'a.b-c', revision: 4711 }));

    expect(name).toBe('0f8fad5b.a.b-c.20260301T120000000Z.r4711.qkvb');
    expect(readName(name)).toEqual({
      name,
      cluster: '0f8fad5b',
      member: 'a.b-c',
      at: new Date('2026-03-01T12:00:00.000Z'),
      revision: 4711,
    });
  });

  test.each([
    '',
    'a.qkvb',
    '0f8fad5b.a.20260301T120000000Z.r1.qkvb.partial',
    '0f8f.a.2026.r1.qkvb',
  ])('is not that of another file: %j', (name) => {
    expect(readName(name)).toBeUndefined();
  });
});
