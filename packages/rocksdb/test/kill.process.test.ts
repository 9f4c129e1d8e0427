import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { checkCounting } from './counting.ts';
import { Machines } from './words.ts';

const program = fileURLToPath(new URL('./kill-child.ts', import.meta.url));
const rounds = process.env['QUORATE_TEST_FULL'] === '1' ? 100 : 8;
/** A round starts two programs, on a machine that may be busy. */
const timeoutMs = 30_000 + 3000 * rounds;

interface Said {
  readonly count: number;
  readonly restored: number;
}

/** Starts the program, kills it after so many lines, and returns the last that it said of each. */
async function runAndKill(folder: string, before: Said, killAfter: number): Promise<Said> {
  const flags = ['--conditions=quorate-source', program, folder];
  const child = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let said = before;
  let lines = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    said = { ...said, ...(JSON.parse(line) as Partial<Said>) };
    lines += 1;
    if (lines === killAfter) child.kill('SIGKILL');
  }
  await exited;
  expect(lines).toBeGreaterThanOrEqual(killAfter);
  return said;
}

test(
  'a state whose process is killed again and again is whole, and of the moment of its records',
  async () => {
    await using machines = new Machines();
    const folder = machines.newFolder();
    let said: Said = { count: 0, restored: 0 };

    for (let round = 0; round < rounds; round += 1) {
      said = await runAndKill(folder, said, 5 + ((round * 137) % 70));
      const found = await checkCounting(folder);
      expect(found.count).toBeGreaterThanOrEqual(said.count);
      expect(found.restored).toBeGreaterThanOrEqual(said.restored);
    }

    expect(said.restored).toBeGreaterThan(0);
  },
  timeoutMs,
);
