import { describe, expect, test } from 'vitest';

import type { SimOperation } from '../../../src/testing/sim-fs/faults.ts';
import { OperationGate } from '../../../src/testing/sim-fs/operation-gate.ts';
import { SeededRandom } from '../../../src/testing/sim-fs/random.ts';
import { SimFs } from '../../../src/testing/sim-fs/sim-fs.ts';
import { bytes, createFile, outcomes, textOf } from './kit.ts';

describe('what a file holds after a power cut', () => {
  test('a plain write is there or not until the file is synced', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a', { text: 'old' });

    await file.write([bytes('new')], 0);

    expect(await textOf(files, '/a')).toBe('new');
    expect(await outcomes(files, (crashed) => textOf(crashed, '/a'))).toEqual(['new', 'old']);
    await file.sync();
    expect(await outcomes(files, (crashed) => textOf(crashed, '/a'))).toEqual(['new']);
  });

  test('a durable write is there once it has resolved', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a', { durableWrites: true });

    await file.write([bytes('first'), bytes(' second')], 0);

    expect(await outcomes(files, (crashed) => textOf(crashed, '/a'))).toEqual(['first second']);
  });

  test('each sector of a write is there or not by itself', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a', { text: '.'.repeat(1536) });
    const shape = async (crashed: SimFs): Promise<string> => {
      const text = (await textOf(crashed, '/a')) ?? '';
      return [0, 512, 1024].map((at) => text[at]).join('');
    };

    await file.write([bytes('x'.repeat(1536))], 0);

    const expected = ['...', '..x', '.x.', '.xx', 'x..', 'x.x', 'xx.', 'xxx'];
    expect(await outcomes(files, shape)).toEqual(expected.sort());
  });

  test('a sector written twice may be the one in between', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a', { text: 'aa' });

    await file.write([bytes('b')], 0);
    await file.write([bytes('b')], 1);

    expect(await outcomes(files, (crashed) => textOf(crashed, '/a'))).toEqual(['aa', 'ba', 'bb']);
  });

  test('a sector may be torn at any byte', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a', { text: 'aaaa' });
    await file.write([bytes('bbbb')], 0);

    const crashed = files.crash(files.unsettled(), { versions: [1], tear: { item: 0, bytes: 3 } });

    expect(await textOf(crashed, '/a')).toBe('bbba');
  });

  test('the size and what was written there come apart', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a');

    await file.write([bytes('x')], 0);

    const found = await outcomes(files, (crashed) => textOf(crashed, '/a'));
    expect(found).toEqual(['', '\0', 'x']);
  });

  test('a truncate is there or not until the file is synced', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a', { text: 'x'.repeat(600) });
    const size = async (crashed: SimFs): Promise<string> => String(await crashed.size('/a'));

    await file.truncate(10);

    expect(await outcomes(files, size)).toEqual(['10', '600']);
    await file.sync();
    expect(await outcomes(files, size)).toEqual(['10']);
  });

  test('bytes that were cut off do not come back when the file grows again', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a', { text: 'secret' });

    await file.truncate(1);
    await file.truncate(6);
    await file.sync();

    expect(await textOf(files, '/a')).toBe('s\0\0\0\0\0');
    expect(await textOf(files.crash(), '/a')).toBe('s\0\0\0\0\0');
  });

  test('a durable write takes the plain writes to its own sectors with it, and no others', async () => {
    const files = new SimFs();
    const plain = await createFile(files, '/a', { text: '-'.repeat(1024) });
    const durable = await files.open('/a', { mode: 'write', durableWrites: true });

    await plain.write([bytes('p')], 1);
    await plain.write([bytes('p')], 512);
    await durable.write([bytes('d')], 0);

    const text = (await textOf(files.crash(), '/a')) ?? '';
    expect([text.slice(0, 3), text.slice(512, 514)]).toEqual(['dp-', '--']);
  });

  test('a file without a name is gone, however durable its bytes', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a', { text: 'x' });

    await files.unlink('/a');
    await files.syncDirectory('/');
    await file.write([bytes('y')], 0);
    const buffer = new Uint8Array(1);

    expect(await file.read(buffer, 0)).toBe(1);
    expect(buffer).toEqual(bytes('y'));
    expect(await textOf(files.crash(), '/a')).toBeUndefined();
  });
});

describe('which names are there after a power cut', () => {
  const names = async (crashed: SimFs): Promise<string> =>
    (await crashed.readDirectory('/')).join();

  test('a created file is there or not until its directory is synced', async () => {
    const files = new SimFs();
    const file = await files.open('/a', { mode: 'create', durableWrites: true });
    await file.write([bytes('x')], 0);
    await file.sync();

    expect(await outcomes(files, names)).toEqual(['', 'a']);
    await files.syncDirectory('/');
    expect(await outcomes(files, names)).toEqual(['a']);
  });

  test('a removed file is there or not until its directory is synced', async () => {
    const files = new SimFs();
    await createFile(files, '/a');

    await files.unlink('/a');

    expect(await outcomes(files, names)).toEqual(['', 'a']);
    await files.syncDirectory('/');
    expect(await outcomes(files, names)).toEqual(['']);
  });

  test('a renamed file has the old or the new name, and a target is never missing', async () => {
    const files = new SimFs();
    await createFile(files, '/new', { text: 'new' });
    await createFile(files, '/now', { text: 'old' });
    const both = async (crashed: SimFs): Promise<string> =>
      `${await names(crashed)}: ${await textOf(crashed, '/now')}`;

    await files.rename('/new', '/now');

    expect(await outcomes(files, both)).toEqual(['new,now: old', 'now: new']);
    await files.syncDirectory('/');
    expect(await outcomes(files, both)).toEqual(['now: new']);
  });

  test('changes of several names are there in any subset', async () => {
    const files = new SimFs();
    await createFile(files, '/a');

    await files.unlink('/a');
    await (await files.open('/b', { mode: 'create' })).close();

    expect(await outcomes(files, names)).toEqual(['', 'a', 'a,b', 'b']);
  });

  test('a file is renamed before it was durable under its first name, and has one name', async () => {
    const files = new SimFs();
    await (await files.open('/a', { mode: 'create' })).close();

    await files.rename('/a', '/b');
    await files.rename('/b', '/c');

    expect(await outcomes(files, names)).toEqual(['', 'a', 'b', 'c']);
  });

  test('a file in a directory that is not durable is gone with it', async () => {
    const files = new SimFs();
    await files.makeDirectory('/log/deep');
    const all = async (crashed: SimFs): Promise<string> =>
      (await textOf(crashed, '/log/deep/a')) ?? 'nothing';
    await createFile(files, '/log/deep/a', { text: 'x' });

    expect(await outcomes(files, all)).toEqual(['nothing', 'x']);
    await files.syncDirectory('/log');
    expect(await outcomes(files, all)).toEqual(['nothing', 'x']);
    await files.syncDirectory('/');
    expect(await outcomes(files, all)).toEqual(['x']);
  });

  test('a file renamed to another directory needs the sync of both', async () => {
    const files = new SimFs();
    await files.makeDirectory('/other');
    await files.syncDirectory('/');
    await createFile(files, '/a');
    const other = async (crashed: SimFs): Promise<string> =>
      `${await names(crashed)} and ${(await crashed.readDirectory('/other')).join()}`;

    await files.rename('/a', '/other/a');
    await files.syncDirectory('/other');

    expect(await outcomes(files, other)).toEqual(['a,other and ', 'other and a']);
    await files.syncDirectory('/');
    expect(await outcomes(files, other)).toEqual(['other and a']);
  });
});

describe('an operation under way', () => {
  /** Files whose operations wait for `step`, and what is held. */
  function heldFiles(): { files: SimFs; held: { operation: SimOperation; go: () => void }[] } {
    const held: { operation: SimOperation; go: () => void }[] = [];
    const hold = (operation: SimOperation): Promise<void> =>
      new Promise((go) => held.push({ operation, go }));
    return { files: new SimFs({ hold }), held };
  }

  test('of a durable write is there or not', async () => {
    const { files, held } = heldFiles();
    const opening = files.open('/a', { mode: 'create', durableWrites: true });
    held.shift()?.go();
    const file = await opening;
    const syncing = files.syncDirectory('/');
    held.shift()?.go();
    await syncing;

    const writing = file.write([bytes('x')], 0);

    const operation = { type: 'write', path: '/a', position: 0, length: 1, isDurable: true };
    expect(held[0]?.operation).toEqual(operation);
    const found = await outcomes(files, (crashed) => textOf(crashed, '/a'));
    expect(found).toEqual(['', '\0', 'x']);
    held.shift()?.go();
    await writing;
    expect(await outcomes(files, (crashed) => textOf(crashed, '/a'))).toEqual(['x']);
  });

  test('a sync covers what was written before it was called, and no more', async () => {
    const gate = new OperationGate();
    const files = new SimFs({ hold: gate.hold });
    const work = async (): Promise<void> => {
      const file = await files.open('/a', { mode: 'create' });
      await file.truncate(1024);
      await file.write([bytes('a')], 0);
      await files.syncDirectory('/');
      const syncing = file.sync();
      const writing = file.write([bytes('b')], 512);
      await Promise.all([syncing, writing]);
    };

    await gate.drive(work(), { random: new SeededRandom('1'), atStep: async () => {} });

    const text = (await textOf(files.crash(), '/a')) ?? '';
    expect([text.length, text[0], text[512]]).toEqual([1024, 'a', '\0']);
  });
});

describe('a crashed file system', () => {
  test('and the one that it came from change apart', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a', { text: 'before' });

    const crashed = files.crash();
    await file.write([bytes('x')], 0);
    await (await crashed.open('/a', { mode: 'write' })).write([bytes('y')], 0);

    expect(await textOf(files, '/a')).toBe('xefore');
    expect(await textOf(crashed, '/a')).toBe('yefore');
  });

  test('has no lock any more', async () => {
    const files = new SimFs();
    const first = await files.lock('/lock');

    expect(first).toBeDefined();
    expect(await files.lock('/lock')).toBeUndefined();
    expect(await files.crash().lock('/lock')).toBeDefined();
    await first?.release();
    expect(await files.lock('/lock')).toBeDefined();
    await first?.release();
    expect(await files.lock('/lock')).toBeUndefined();
  });

  test('is recognised by what programs find in it', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a', { text: 'x' });
    const before = files.crash().digest();

    await file.write([bytes('x')], 0);
    expect(files.digest()).toBe(before);
    await file.write([bytes('y')], 0);
    expect(files.digest()).not.toBe(before);
    expect(files.crash().digest()).toBe(before);
  });
});
