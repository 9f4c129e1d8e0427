import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const cannotParse = process.versions.node.startsWith('22.');

// Node 22 cannot parse `await using` in a source that is not built; the skip ends with its support.
test.skipIf(cannotParse)('the counter program counts to five and reads five back', async () => {
  const program = fileURLToPath(new URL('counter.ts', import.meta.url));

  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=quorate-source', program],
    { timeout: 20_000 },
  );

  expect(stdout).toBe('5\n5\n');
});
