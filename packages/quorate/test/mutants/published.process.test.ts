import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { bugs } from './bugs.ts';
import { planted } from './planted-bug.ts';

const packageFolder = path.resolve(import.meta.dirname, '..', '..');
const run = promisify(execFile);

/** Packs the package as it would be published, and returns the texts of its files by their path. */
async function packedFiles(): Promise<Map<string, string>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'quorate-packed-'));
  try {
    await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], {
      cwd: packageFolder,
    });
    const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz')) ?? '';
    await run('tar', ['-xzf', path.join(folder, tarball), '-C', folder]);
    const root = path.join(folder, 'package');
    const found = await readdir(root, { recursive: true, withFileTypes: true });
    const files = new Map<string, string>();
    for (const entry of found.filter((one) => one.isFile())) {
      const file = path.join(entry.parentPath, entry.name);
      files.set(path.relative(root, file), await readFile(file, 'utf8'));
    }
    return files;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('the published package has no planted bug, nor what plants them', async () => {
  const files = await packedFiles();

  expect(files.size).toBeGreaterThan(100);
  const names = [...files.keys()];
  expect(names.filter((name) => /(^|\/)(test|mutants|sim|walker)\//.test(name))).toEqual([]);
  for (const [name, text] of files) {
    expect(text, `in ${name}`).not.toMatch(/mutant|planted/i);
    expect(
      bugs.filter((bug) => text.includes(bug.name)),
      `in ${name}`,
    ).toEqual([]);
  }
  for (const bug of bugs) {
    for (const { file } of bug.edits) {
      const text = files.get(`src/${file}`) ?? '';
      // It fits only what has no bug yet.
      expect(() => planted(bug, file, text)).not.toThrow();
    }
  }
}, 60_000);
