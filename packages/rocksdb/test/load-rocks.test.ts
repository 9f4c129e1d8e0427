import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { UnsupportedError } from 'quorate';
import { expect, test } from 'vitest';
import { loadRocks } from '../src/load-rocks.ts';

const isLinuxX64 = process.platform === 'linux' && process.arch === 'x64';

/** What loading fails with where the build wants a library that no system has. */
function failureWithout(library: string): unknown {
  const folder = path.dirname(createRequire(import.meta.url).resolve('rocksdb-native'));
  const build = readFileSync(path.join(folder, 'prebuilds/linux-x64/rocksdb-native.node'));
  const name = Buffer.from('libatomic.so.1\0');
  for (let at = build.indexOf(name); at !== -1; at = build.indexOf(name, at + 1)) {
    build.write(library, at, 'latin1');
  }
  const place = mkdtempSync(path.join(tmpdir(), 'quorate-load-'));
  try {
    const file = path.join(place, 'build.node');
    writeFileSync(file, build);
    process.dlopen({ exports: {} }, file);
  } catch (error) {
    return error;
  } finally {
    rmSync(place, { recursive: true });
  }
  return undefined;
}

async function messageFor(failure: unknown): Promise<string> {
  const loading = loadRocks(() => Promise.reject(failure));
  await expect(loading).rejects.toBeInstanceOf(UnsupportedError);
  await expect(loading).rejects.toMatchObject({ code: 'RAFT_UNSUPPORTED', cause: failure });
  return loading.then(
    () => '',
    (error: unknown) => String(error),
  );
}

// The build is that of one system, and so are the words of its loader.
test.skipIf(!isLinuxX64)('a missing libatomic is named, with what installs it', async () => {
  const failure = failureWithout('libatomic.so.7');

  const message = await messageFor(new Error('Cannot load addon', { cause: failure }));

  expect(message).toContain('the system library libatomic.so.7 is missing');
  expect(message).toContain('apt-get install libatomic1');
});

// As above.
test.skipIf(!isLinuxX64)('another missing library is named too', async () => {
  const message = await messageFor(failureWithout('libantics.so.1'));

  expect(message).toContain('the system library libantics.so.1 is missing');
});

test('a system without a build is told which ones there are', async () => {
  const message = await messageFor(new Error("Cannot find addon '.' imported from 'file:///x'"));

  expect(message).toContain(`no build for this system (${process.platform} ${process.arch})`);
});

test('any other failure is passed on in its own words', async () => {
  const failure = new Error('Outer.', { cause: new Error('The file is too short.') });

  expect(await messageFor(failure)).toContain('The file is too short.');
});
