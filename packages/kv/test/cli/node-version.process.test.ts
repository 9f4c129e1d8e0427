import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

import { mainFile, nodeFlags } from './support/run-cli.ts';

/** Runs `quorate --version` as that Node would, as far as it goes by its number. */
async function runAs(version: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const versions = `{ value: { ...process.versions, node: '${version}' } }`;
  const preload = `data:text/javascript,Object.defineProperty(process, 'versions', ${versions})`;
  const words = [...nodeFlags, '--import', preload, mainFile, '--version'];
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, words)) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

test.each(['20.19.5', '22.12.0'])('Node %s is told that a newer one is wanted', async (version) => {
  const { code, stdout, stderr } = await runAs(version);

  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^quorate: Node 22\.13 or later is wanted, .*\nInstall a newer Node/);
});

test.each(['22.13.0', '24.0.0'])('Node %s is taken', async (version) => {
  const { code, stdout, stderr } = await runAs(version);

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});
