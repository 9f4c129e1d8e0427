import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { afterEach, beforeEach, expect, test } from 'vitest';

const tool = path.join(import.meta.dirname, '..', '..', 'tools', 'complete-lockfile.mjs');
const run = promisify(execFile);
let root = '';

beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'quorate-lockfile-'));
  await cp(tool, path.join(root, 'tools', 'complete-lockfile.mjs'));
});

afterEach(() => rm(root, { recursive: true, force: true }));

/** What the tool makes of a lockfile with these packages. */
async function completed(packages: object): Promise<unknown> {
  const file = path.join(root, 'package-lock.json');
  await writeFile(file, JSON.stringify({ lockfileVersion: 3, packages }));
  await run(process.execPath, [path.join(root, 'tools', 'complete-lockfile.mjs')]);
  const lockfile = JSON.parse(await readFile(file, 'utf8')) as { readonly packages: unknown };
  return lockfile.packages;
}

test('packages for other systems are added, and tell which system they are for', async () => {
  const native = {
    version: '1.0.0',
    dev: true,
    optionalDependencies: { '@tool/linux-x64': '1.0.0', '@tool/darwin-arm64': '1.0.0' },
  };
  const present = { version: '1.0.0', integrity: 'sha512-x', optional: true };

  const packages = await completed({
    'node_modules/tool': native,
    'node_modules/@tool/linux-x64': present,
  });

  expect(packages).toEqual({
    'node_modules/tool': native,
    'node_modules/@tool/linux-x64': present,
    'node_modules/@tool/darwin-arm64': {
      version: '1.0.0',
      cpu: ['arm64'],
      dev: true,
      optional: true,
      os: ['darwin'],
    },
  });
});

test('a second version goes below the package that wants it', async () => {
  const packages = await completed({
    'node_modules/a/node_modules/tool': {
      version: '2.0.0',
      optionalDependencies: { 'tool-win32-x64': '2.0.0' },
    },
    'node_modules/tool': { version: '1.0.0', optionalDependencies: { 'tool-win32-x64': '1.0.0' } },
    'node_modules/tool-win32-x64': { version: '1.0.0' },
  });

  expect(packages).toMatchObject({
    'node_modules/tool-win32-x64': { version: '1.0.0' },
    'node_modules/a/node_modules/tool/node_modules/tool-win32-x64': { version: '2.0.0' },
  });
});

test('a complete lockfile stays as it is', async () => {
  const packages = {
    'node_modules/a': { version: '1.0.0', optionalDependencies: { b: '^1.2.0' } },
    'node_modules/b': { version: '1.3.0' },
  };

  expect(await completed(packages)).toEqual(packages);
});
