import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseCatchUpArguments } from './catch-up-options.ts';
import { Program } from './test-support/program.ts';

const policy = ['--snapshot-after-bytes', '65536', '--keep-bytes', '16384'];
const small = ['--entries', '3000', ...policy, '--wait-seconds', '30'];

describe('a node that was away', () => {
  test('is brought up to date by a snapshot, and all have the same state', async () => {
    await using program = new Program('catch-up.ts', small);
    await program.ended();

    expect(program.stderr).toBe('');
    expect(program.stdout).toMatch(
      /It caught up by a snapshot: its log ended at 1,5\d\d and begins/,
    );
    expect(program.stdout).toContain('All three nodes have the same 3,000 keys and values.');
    expect(program.stdout).toMatch(/^node-3 +\d+\.\d +\d+\.\d$/m);
    expect(program.stdout.trim().split('\n').at(-1)).toBe('PASS');
    expect(program.exitCode).toBe(0);
  });

  test('is not taken for caught up by a snapshot when the logs still reach back', async () => {
    await using program = new Program('catch-up.ts', ['--entries', '20', '--wait-seconds', '1']);
    await program.ended();

    expect(program.stderr).toMatch(
      /^Not within 1000 ms: node \d builds a snapshot and purges its log/,
    );
    expect(program.stdout.trim().split('\n').at(-1)).toBe('FAIL');
    expect(program.exitCode).toBe(1);
  });

  test('takes its directories along when it is ended early', async () => {
    await using program = new Program('catch-up.ts', []);
    const folder = await program.printed(/in (\S+)\.\.\./);
    expect(existsSync(folder)).toBe(true);

    program.kill('SIGTERM');
    await program.ended();

    expect(program.stderr).toContain('Ended by SIGTERM.');
    expect(program.exitCode).toBe(1);
    expect(existsSync(folder)).toBe(false);
  });
});

test.each([
  { args: ['--entries', '1'], says: '--entries wants a whole number, 2 or above; got "1".' },
  { args: ['--keep-bytes=-1'], says: '--keep-bytes wants a whole number, 0 or above; got "-1".' },
  { args: ['--writers', 'x'], says: '--writers wants a whole number, 1 or above; got "x".' },
  { args: ['--network', 'udp'], says: '--network wants tcp or http; got "udp".' },
  { args: ['--entires', '1'], says: '--entires' },
])('$args is refused with a clear line', ({ args, says }) => {
  const parsed = parseCatchUpArguments(args);

  expect(parsed.type).toBe('error');
  expect(parsed.type === 'error' && parsed.message).toContain(says);
});
