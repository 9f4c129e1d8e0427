import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodeFileSystem as files } from '../../src/platform/node-file-system.ts';

let directory = '';
const fileSystemModule = new URL('../../src/platform/node-file-system.ts', import.meta.url).href;
const mounting = findMounting();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-files-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a file', () => {
  test('is written and read at any position, in any number of parts', async () => {
    const path = join(directory, 'log');
    const file = await files.open(path, { mode: 'create' });

    await file.write([bytes('hello '), bytes(''), bytes('world')], 0);
    await file.write([bytes('W')], 6);
    const buffer = new Uint8Array(5);

    expect(await file.read(buffer, 6)).toBe(5);
    expect(buffer).toEqual(bytes('World'));
    expect(await file.size()).toBe(11);
    await file.close();
    expect(await readFile(path, 'utf8')).toBe('hello World');
  });

  test('that may hold up the event loop is written like any other', async () => {
    const path = join(directory, 'log');
    const options = { mode: 'create', durableWrites: true, mayBlock: true } as const;
    const file = await files.open(path, options);
    const large = new Uint8Array(100_000).fill(7);

    await Promise.all([
      file.write([bytes('hello '), bytes(''), bytes('world')], 0),
      file.write([large], 11),
      file.write([], 5),
    ]);
    await file.write([bytes('W')], 6);
    const many = Array.from({ length: 5000 }, () => bytes('ab'));
    await file.write(many, 100_011);

    const text = await readFile(path, 'latin1');
    expect(text.slice(0, 11)).toBe('hello World');
    expect(text.slice(11, 100_011)).toBe('\u0007'.repeat(100_000));
    expect(text.slice(100_011)).toBe('ab'.repeat(5000));
    await file.close();
  });

  test('that may hold up the event loop has a small write on the disk when the turn ends', async () => {
    const options = { mode: 'create', durableWrites: true, mayBlock: true } as const;
    const file = await files.open(join(directory, 'log'), options);
    let isWritten = false;

    const writing = file.write([bytes('hello')], 0).then(() => (isWritten = true));
    await new Promise((resolve) => setImmediate(resolve));

    expect(isWritten).toBe(true);
    await writing;
    await file.close();
  });

  test('that may hold up the event loop rejects what the system refuses', async () => {
    const file = await files.open('/dev/full', {
      mode: 'write',
      durableWrites: true,
      mayBlock: true,
    });

    await expect(file.write([bytes('x')], 0)).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(file.write([bytes('x')], 0)).rejects.toMatchObject({ code: 'ENOSPC' });
    await file.close();
  });

  test('gives less than asked only at its end', async () => {
    const file = await files.open(join(directory, 'log'), { mode: 'create' });
    await file.write([bytes('abc')], 0);
    const buffer = new Uint8Array(10);

    expect(await file.read(buffer, 1)).toBe(2);
    expect(await file.read(buffer, 3)).toBe(0);
    expect(await file.read(buffer, 99)).toBe(0);
    expect(await file.read(new Uint8Array(0), 0)).toBe(0);
    await file.close();
  });

  test('takes more parts than the system takes at once', async () => {
    const file = await files.open(join(directory, 'log'), { mode: 'create' });
    const parts = Array.from({ length: 5000 }, (_, at) => new Uint8Array(3).fill(at % 256));

    await file.write(parts, 0);
    const buffer = new Uint8Array(15_000);

    expect(await file.read(buffer, 0)).toBe(15_000);
    expect(buffer).toEqual(new Uint8Array(Buffer.concat(parts)));
    await file.close();
  });

  test('is cut and extended with zeroes', async () => {
    const file = await files.open(join(directory, 'log'), { mode: 'create' });
    await file.write([bytes('abcdef')], 0);

    await file.truncate(2);
    await file.truncate(4);
    await file.sync();
    const buffer = new Uint8Array(4);
    await file.read(buffer, 0);

    expect(buffer).toEqual(new Uint8Array([97, 98, 0, 0]));
    await file.close();
  });

  test('with durable writes is written as any other', async () => {
    const path = join(directory, 'log');
    const file = await files.open(path, { mode: 'create', durableWrites: true });

    await file.write([bytes('abc')], 0);
    await file.write([bytes('d')], 3);
    await file.close();

    expect(await readFile(path, 'utf8')).toBe('abcd');
  });

  test('is created only where there is none, and else must exist', async () => {
    const path = join(directory, 'log');

    await expect(files.open(path, { mode: 'write' })).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(files.open(path, { mode: 'read' })).rejects.toMatchObject({ code: 'ENOENT' });
    await (await files.open(path, { mode: 'create' })).close();
    await expect(files.open(path, { mode: 'create' })).rejects.toMatchObject({ code: 'EEXIST' });
  });

  test('that was opened for reading refuses to be written', async () => {
    const path = join(directory, 'log');
    await writeFile(path, 'abc');
    const file = await files.open(path, { mode: 'read' });

    await expect(file.write([bytes('x')], 0)).rejects.toMatchObject({ code: 'EBADF' });
    await file[Symbol.asyncDispose]();
    await file.close();
  });

  test('stays readable after its name is gone', async () => {
    const path = join(directory, 'log');
    const file = await files.open(path, { mode: 'create' });
    await file.write([bytes('abc')], 0);

    await files.unlink(path);
    const buffer = new Uint8Array(3);

    expect(await file.read(buffer, 0)).toBe(3);
    expect(await files.size(path)).toBeUndefined();
    await file.close();
  });
});

describe('a directory', () => {
  test('is made with those above it, and again', async () => {
    const path = join(directory, 'one', 'two');

    await files.makeDirectory(path);
    await files.makeDirectory(path);
    await files.syncDirectory(path);

    expect(await files.readDirectory(join(directory, 'one'))).toEqual(['two']);
  });

  test('lists its names in order, and renaming replaces', async () => {
    for (const name of ['b', 'c', 'a']) await writeFile(join(directory, name), name);

    await files.rename(join(directory, 'c'), join(directory, 'a'));
    await files.syncDirectory(directory);

    expect(await files.readDirectory(directory)).toEqual(['a', 'b']);
    expect(await readFile(join(directory, 'a'), 'utf8')).toBe('c');
    expect(await files.size(join(directory, 'a'))).toBe(1);
  });

  test('knows how much still fits', async () => {
    expect(await files.freeBytes(directory)).toBeGreaterThan(0);
  });
});

describe('a lock', () => {
  test('is held once at a time, within a process too', async () => {
    const path = join(directory, 'lock');
    const first = await files.lock(path);

    expect(first).toBeDefined();
    expect(await files.lock(path)).toBeUndefined();
    await first?.release();
    await first?.release();

    const second = await files.lock(path);
    expect(second).toBeDefined();
    await second?.release();
  });

  test('of another process is seen, and ends when that is killed', async () => {
    const path = join(directory, 'lock');
    const holder = spawn(process.execPath, ['--input-type=module', '-e', holdLock(path)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(holder, 'exit');
    const [said] = (await once(holder.stdout, 'data')) as [Buffer];

    expect(String(said)).toBe('held');
    expect(await files.lock(path)).toBeUndefined();
    holder.kill('SIGKILL');
    await exited;

    const lock = await files.lock(path);
    expect(lock).toBeDefined();
    await lock?.release();
  });

  // Skipped only where this user may not mount a file system of his own.
  test.skipIf(mounting === undefined)('on a full disk says that the disk is full', async () => {
    const script =
      'mount -t tmpfs -o size=64k tmpfs "$1" && cat /dev/zero > "$1/ballast" 2>/dev/null; ' +
      'exec "$2" --conditions=quorate-source --input-type=module -e "$3" 2>/dev/null';
    const program = lockingProgram(join(directory, 'lock'));
    const args = ['sh', '-c', script, 'sh', directory, process.execPath, program];

    const { stdout } = spawnSync('unshare', [...(mounting ?? []), ...args], { encoding: 'utf8' });

    expect(JSON.parse(stdout)).toEqual({
      code: 'ENOSPC',
      message: `The disk that holds ${join(directory, 'lock')} is full: there is no room to take the lock of this directory. Make room on that disk, and start again; nothing was changed.`,
    });
  });

  test('in a directory that does not exist is an error, not a lock held by somebody', async () => {
    await expect(files.lock(join(directory, 'none', 'lock'))).rejects.toThrow(
      'unable to open database file',
    );
  });
});

/** A program that takes the lock, says so, and stays. */
function holdLock(path: string): string {
  return `
    const { nodeFileSystem } = await import(${JSON.stringify(fileSystemModule)});
    const lock = await nodeFileSystem.lock(${JSON.stringify(path)});
    process.stdout.write(lock === undefined ? 'refused' : 'held');
    setInterval(() => lock, 1000);
  `;
}

/** Tells the error of a lock that cannot be taken. */
function lockingProgram(path: string): string {
  return `
    const { nodeFileSystem } = await import(${JSON.stringify(fileSystemModule)});
    try {
      await nodeFileSystem.lock(${JSON.stringify(path)});
    } catch ({ code, message }) {
      process.stdout.write(JSON.stringify({ code, message }));
    }
  `;
}

/** How a small file system can be mounted that only one process sees, if at all. */
function findMounting(): readonly string[] | undefined {
  const ways = [['--mount'], ['--user', '--map-root-user', '--mount']];
  const mount = ['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', tmpdir()];
  return ways.find((flags) => spawnSync('unshare', [...flags, ...mount]).status === 0);
}
