import { describe, expect, test } from 'vitest';

import { SimFs } from '../../../src/testing/sim-fs/sim-fs.ts';
import { bytes, createFile, textOf } from './kit.ts';

describe('a failing disk', () => {
  test('fails the write that was asked for, once, and drops what it should have written', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a', { durableWrites: true, text: 'old' });
    const fault = files.fail({ type: 'write', code: 'EIO', after: 1 });

    await file.write([bytes('OLD')], 0);
    await expect(file.write([bytes('new')], 0)).rejects.toMatchObject({ code: 'EIO' });

    expect(fault.hits).toBe(1);
    expect(await textOf(files, '/a')).toBe('OLD');
    await file.sync();
    await file.write([bytes('x')], 2);
    expect(await textOf(files.crash(), '/a')).toBe('OLx');
  });

  test('shows in the cache what a failed sync lost for ever, if asked to', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a', { text: 'old' });
    files.fail({ type: 'sync', code: 'EIO', keepsCache: true });

    await file.write([bytes('new')], 0);
    await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' });
    await file.sync();

    expect(await textOf(files, '/a')).toBe('new');
    expect(await textOf(files.crash(), '/a')).toBe('old');
  });

  test('drops what a failed sync should have brought to the disk', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a', { text: 'old' });
    files.fail({ type: 'sync', code: 'EIO' });

    await file.write([bytes('newer')], 0);
    await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' });

    expect(await textOf(files, '/a')).toBe('old');
  });

  test('writes the first bytes and then fails', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a', { durableWrites: true, text: '......' });
    files.fail({ type: 'write', code: 'EIO', landedBytes: 4 });

    await expect(file.write([bytes('abcdef')], 0)).rejects.toMatchObject({ code: 'EIO' });

    expect(await textOf(files, '/a')).toBe('abcd..');
    expect(await textOf(files.crash(), '/a')).toBe('abcd..');
  });

  test('fails as often as was asked for, on every kind of call', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a', { text: 'x' });
    for (const type of ['read', 'truncate', 'create', 'rename', 'unlink'] as const) {
      files.fail({ type, code: 'EIO' });
    }
    files.fail({ type: 'syncDirectory', code: 'EIO', times: 2 });
    files.fail({ type: 'makeDirectory', code: 'ENOSPC' });

    const eio = { code: 'EIO' };
    await expect(file.read(new Uint8Array(1), 0)).rejects.toMatchObject(eio);
    await expect(file.truncate(0)).rejects.toMatchObject(eio);
    await expect(files.open('/b', { mode: 'create' })).rejects.toMatchObject(eio);
    await expect(files.rename('/a', '/b')).rejects.toMatchObject(eio);
    await expect(files.unlink('/a')).rejects.toMatchObject(eio);
    await expect(files.syncDirectory('/')).rejects.toMatchObject(eio);
    await expect(files.syncDirectory('/')).rejects.toMatchObject(eio);
    await expect(files.makeDirectory('/d')).rejects.toMatchObject({ code: 'ENOSPC' });

    await files.syncDirectory('/');
    expect(await files.readDirectory('/')).toEqual(['a']);
    expect(await textOf(files, '/a')).toBe('x');
  });

  test('fails those calls only that are meant', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a');
    const durable = await files.open('/a', { mode: 'write', durableWrites: true });
    files.fail({ type: 'write', code: 'EIO', where: ({ isDurable }) => isDurable === true });

    await file.write([bytes('x')], 0);
    await expect(durable.write([bytes('y')], 0)).rejects.toMatchObject({ code: 'EIO' });
    await durable.write([bytes('z')], 1);

    expect(await textOf(files, '/a')).toBe('xz');
  });

  test('knows a file by the name that it has now', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a');
    await files.rename('/a', '/b');
    files.fail({ type: 'write', code: 'EIO', where: ({ path }) => path === '/b' });

    await expect(file.write([bytes('x')], 0)).rejects.toMatchObject({
      message: "EIO: i/o error, write '/b'",
    });
  });

  test('flips a bit and loses a sector, on the disk and for readers', async () => {
    const files = new SimFs();
    await createFile(files, '/a', { text: 'a'.repeat(600) });

    files.flipBit('/a', 1, 1);
    files.zeroSector('/a', 1);

    for (const damaged of [files, files.crash()]) {
      const text = (await textOf(damaged, '/a')) ?? '';
      expect(text).toBe(`aca${'a'.repeat(509)}${'\0'.repeat(88)}`);
    }
  });
});

describe('a full disk', () => {
  test('takes what fits of a write, in sectors, and refuses the rest', async () => {
    const files = new SimFs({ capacityBytes: 1024 });
    const file = await createFile(files, '/a', { durableWrites: true });

    expect(await files.freeBytes('/')).toBe(1024);
    await expect(file.write([bytes('x'.repeat(1500))], 100)).rejects.toMatchObject({
      code: 'ENOSPC',
    });

    expect(await file.size()).toBe(1024);
    expect(await files.freeBytes('/')).toBe(0);
  });

  test('lets be written what already has its place, and not a hole', async () => {
    const files = new SimFs({ capacityBytes: 512 });
    const file = await createFile(files, '/a', { text: 'x'.repeat(512) });
    await file.truncate(2048);

    await file.write([bytes('y'.repeat(512))], 0);
    await expect(file.write([bytes('z')], 512)).rejects.toMatchObject({ code: 'ENOSPC' });

    expect((await textOf(files, '/a'))?.slice(511, 514)).toBe('y\0\0');
  });

  test('has space again when a file is removed and nobody has it open', async () => {
    const files = new SimFs({ capacityBytes: 512 });
    const file = await createFile(files, '/a', { text: 'x' });

    await files.unlink('/a');
    expect(await files.freeBytes('/')).toBe(0);
    await file.close();
    expect(await files.freeBytes('/')).toBe(512);
  });

  test('has space again when it becomes larger', async () => {
    const files = new SimFs({ capacityBytes: 0 });
    const file = await createFile(files, '/a');

    await expect(file.write([bytes('x')], 0)).rejects.toMatchObject({ code: 'ENOSPC' });
    files.capacityBytes = 512;
    await file.write([bytes('x')], 0);

    expect(await textOf(files, '/a')).toBe('x');
  });
});
