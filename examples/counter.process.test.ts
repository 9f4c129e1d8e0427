import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('the counter program counts to five and reads five back', async () => {
  const program = fileURLToPath(new URL('counter.ts', import.meta.url));

  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=quorate-source', program],
    { timeout: 20_000 },
  );

  expect(stdout).toBe('5\n5\n');
});
