import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { RocksStateMachine } from '@quorate/rocksdb';
import { afterAll, describe, expect, test } from 'vitest';
import { Machines, meta, stateOf, streamOf, wordOptions } from './words.ts';

const machines = new Machines();
afterAll(() => machines[Symbol.asyncDispose]());

describe('opening', () => {
  test('is refused while the directory is open, here and in another process', async () => {
    const machine = await machines.openWith('a');
    const folder = machines.folderOf(machine);
    const program = `
      import { RocksStateMachine } from '@quorate/rocksdb';
      await RocksStateMachine.open(${JSON.stringify(folder)}, { applyOne: () => '' }).then(
        () => console.log('opened'), (error) => console.log(error.code, error.message));`;

    await expect(machines.open(folder)).rejects.toMatchObject({ code: 'RAFT_LOCKED' });

    const flags = ['--conditions=quorate-source', '--input-type=module', '--eval', program];
    const { stdout } = await promisify(execFile)(process.execPath, flags, {
      cwd: import.meta.dirname,
      timeout: 30_000,
    });
    expect(stdout).toContain(`RAFT_LOCKED ${folder}`);
    expect(await stateOf(machine)).toEqual({ a: ' a' });
  });

  test('is refused where a state is and nothing says which, and nothing is removed', async () => {
    const machine = await machines.openWith('a');
    const folder = machines.folderOf(machine);
    await machine.close();
    for (const text of [undefined, '', 'state-1', 'state-0\n', '../elsewhere\n']) {
      const pointer = path.join(folder, 'current');
      if (text === undefined) rmSync(pointer);
      else writeFileSync(pointer, text);

      const refused = { code: 'RAFT_DAMAGED', file: pointer };
      await expect(machines.open(folder), `with ${text}`).rejects.toMatchObject(refused);

      expect(readdirSync(folder)).toContain('state-1');
    }
  });

  test('says which folder it is when the files are damaged', async () => {
    const machine = await machines.openWith('a');
    const folder = machines.folderOf(machine);
    await machine.flush();
    await machine.close();
    const database = path.join(folder, 'state-1');
    const manifest = readdirSync(database).find((name) => name.startsWith('MANIFEST')) ?? '';
    const bytes = readFileSync(path.join(database, manifest));
    bytes[10] = (bytes[10] ?? 0) ^ 0xff;
    writeFileSync(path.join(database, manifest), bytes);

    const opening = machines.open(folder);
    await expect(opening).rejects.toThrow(`RocksDB cannot open ${database}: `);
    await expect(opening).rejects.toMatchObject({ code: 'RAFT_DAMAGED' });
  });

  test('leaves files of others alone', async () => {
    const folder = machines.newFolder();
    mkdirSync(path.join(folder, 'state-old'), { recursive: true });
    writeFileSync(path.join(folder, 'notes.txt'), 'mine');

    await machines.open(folder);

    expect(readdirSync(folder).sort()).toEqual(['current', 'notes.txt', 'state-1', 'state-old']);
  });

  test.each([
    { directory: '', options: wordOptions, wanted: 'directory must be a path; it is "".' },
    { directory: 'x', options: {}, wanted: 'applyOne must be a function; it is undefined.' },
    {
      directory: 'x',
      options: { ...wordOptions, writeBufferBytes: 1 },
      wanted: 'writeBufferBytes must be a whole number from 65536 on; it is 1.',
    },
  ])('wants arguments that can be: $wanted', async ({ directory, options, wanted }) => {
    const opening = RocksStateMachine.open(directory, options as typeof wordOptions);

    await expect(opening).rejects.toThrow(wanted);
  });
});

test('what is called after close is refused, and a second close does nothing', async () => {
  const machine = await machines.openWith('a');

  await Promise.all([machine.close(), machine.close()]);
  await machine[Symbol.asyncDispose]();

  const stopped = { code: 'RAFT_STOPPED' };
  await expect(machine.get('a')).rejects.toMatchObject(stopped);
  await expect(machine.apply([], () => [])).rejects.toMatchObject(stopped);
  await expect(machine.snapshot()).rejects.toMatchObject(stopped);
  await expect(machine.flush()).rejects.toMatchObject(stopped);
  await expect(machine.restore(streamOf([]), meta, [])).rejects.toMatchObject(stopped);
  await expect(stateOf(machine)).rejects.toMatchObject(stopped);
});
