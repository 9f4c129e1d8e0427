import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { RocksKit } from './kit.ts';

const program = fileURLToPath(new URL('./memory-child.ts', import.meta.url));
const mebibyte = 1024 * 1024;
const written = process.env['QUORATE_TEST_FULL'] === '1' ? 1024 : 96;

test('memory stays where it is however much is stored and copied', {
  timeout: 240_000,
}, async () => {
  await using kit = await RocksKit.open();
  await kit.close();
  const flags = ['--expose-gc', '--conditions=quorate-source', program, kit.folder, `${written}`];

  const { stdout } = await promisify(execFile)(process.execPath, flags);

  const { most, bytes, keyCount } = JSON.parse(stdout) as Record<string, number>;
  expect(keyCount).toBe(written * 256);
  expect(bytes).toBeGreaterThan(written * mebibyte);
  // The changes that are kept for watchers, 16 MiB, and a batch on its way.
  expect(most).toBeLessThan(64 * mebibyte);
});
