import { expect, test } from 'vitest';

import { runProgram } from '../../tools/run-program.ts';

const cwd = import.meta.dirname;

test('a program is run to its end, and its output is kept', async () => {
  const outcome = await runProgram('sh', ['-c', 'echo out; echo err >&2; exit 3'], {
    cwd,
    timeoutMs: 20_000,
    capture: true,
  });

  expect(outcome).toMatchObject({ exitCode: 3, signal: undefined, timedOut: false });
  expect(outcome.output).toContain('out\n');
  expect(outcome.output).toContain('err\n');
});

test('a program that hangs is ended with all that it started', async () => {
  const program = 'sleep 600 & echo $!; wait';

  const outcome = await runProgram('sh', ['-c', program], { cwd, timeoutMs: 300, capture: true });

  expect(outcome.timedOut).toBe(true);
  // The group was killed, so the signal finds nobody, or a zombie that its parent left.
  const child = await runProgram('sh', ['-c', `ps -o stat= -p ${outcome.output.trim()}`], {
    cwd,
    timeoutMs: 20_000,
    capture: true,
  });
  expect(child.output.trim()).toMatch(/^Z?/);
  expect(child.output.trim()).not.toMatch(/^[RSD]/);
});

test('a program that does not exist has no exit code', async () => {
  const outcome = await runProgram('no-such-program', [], { cwd, timeoutMs: 20_000 });

  expect(outcome.exitCode).toBeUndefined();
  expect(outcome.output).toContain('no-such-program could not be started');
});
