import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { runInWorker } from './run-in-worker.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'quorate-run-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function runText(program: string, timeoutMs = 20_000): Promise<string> {
  const file = path.join(folder, 'program.mjs');
  await writeFile(file, program);
  return runInWorker(file, { cache: path.join(folder, 'cache'), timeoutMs });
}

test('what a program prints comes back, whole, once it has nothing left to do', async () => {
  const printed = await runText(`
    console.log('first');
    setTimeout(() => console.log('x'.repeat(100_000)), 20);
  `);

  expect(printed).toBe(`first\n${'x'.repeat(100_000)}\n`);
});

test('a program that throws fails with what it threw', async () => {
  await expect(runText(`throw new Error('on purpose');`)).rejects.toThrow('on purpose');
});

test('a program that ends with a code fails, and says what it had to say', async () => {
  const failing = runText(`console.error('no room'); process.exitCode = 3;`);

  await expect(failing).rejects.toThrow(/ended with code 3.\nno room/);
});

test('a program that does not end is ended, and has failed', async () => {
  await expect(runText('setInterval(() => undefined, 1000);', 200)).rejects.toThrow(
    'had not ended after 200 ms',
  );
});
