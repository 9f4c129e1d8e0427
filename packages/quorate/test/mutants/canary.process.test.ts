import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { bugs } from './bugs.ts';
import { PackageCopy } from './package-copy.ts';

// What finds nothing proves nothing, unless it is known to find what is there. These bugs are
// easily found: if they are not, then nothing that these commands say is worth anything.

const timeoutMs = 180_000;

interface Canary {
  readonly bug: string;
  readonly command: string;
  readonly options: readonly string[];
  readonly says: RegExp;
  /** As many seeds, one after the other, until one fails. */
  readonly tries: number;
}

const canaries: readonly Canary[] = [
  {
    bug: 'no-up-to-date-check',
    command: 'walker/main.ts',
    options: ['--steps', '2000000'],
    says: /^WALK FAIL (S|E)\d+ /m,
    tries: 1,
  },
  {
    bug: 'log-written-without-sync',
    command: 'sim/main.ts',
    // A single seed is not made into a scenario, which would take longer than all the rest.
    options: [],
    says: /^SIM FAIL (S|E)\d+ /m,
    tries: 20,
  },
];

/** Runs the command of the copy as it stands there, knowing of no bug. */
function run(copy: PackageCopy, { command, options }: Canary, seed: string): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];
  const child = execFile(
    process.execPath,
    [...flags, copy.program(command), '--seed', seed, ...options],
    { cwd: copy.folder, timeout: timeoutMs, killSignal: 'SIGKILL' },
    (_, stdout, stderr) => resolve({ exitCode: child.exitCode ?? -1, output: stdout + stderr }),
  );
  return promise;
}

async function runUntilItFails(copy: PackageCopy, canary: Canary): Promise<Outcome> {
  for (let left = canary.tries; ; left -= 1) {
    const outcome = await run(copy, canary, randomBytes(8).toString('hex'));
    if (outcome.exitCode !== 0 || left === 1) return outcome;
  }
}

interface Outcome {
  readonly exitCode: number;
  readonly output: string;
}

for (const canary of canaries) {
  test(
    `${canary.command} fails where the bug ${canary.bug} is planted`,
    async () => {
      const bug = bugs.find(({ name }) => name === canary.bug);
      expect(bug).toBeDefined();

      const outcome = await PackageCopy.with((copy) =>
        copy.withBug(bug, () => runUntilItFails(copy, canary)),
      );

      // The whole output is told if the exit code is another one.
      expect(outcome).toMatchObject({ exitCode: 1 });
      expect(outcome.output).toMatch(canary.says);
    },
    timeoutMs,
  );
}
