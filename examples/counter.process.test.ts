import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test('the counter counts on every node, and once only when a leader is killed', async () => {
  const program = fileURLToPath(new URL('counter.ts', import.meta.url));

  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning', program],
    { timeout: 30_000 },
  );

  expect(stdout.trim().split('\n')).toEqual([
    'one more: 1',
    'one more: 2',
    'one more: 3',
    'a read on any node: 3',
    'a read on any node: 3',
    'a read on any node: 3',
    'a hundred more, once: 103',
    'a read on any node: 103',
    'a read on any node: 103',
  ]);
});
