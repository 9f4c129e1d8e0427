import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { simCompany } from '../sim/clients/company.ts';
import { complaintAboutRun, runScenario } from '../sim/run-scenario.ts';
import { listScenarios, type RunScenario, readScenario } from './scenario-file.ts';

// Runs of whole nodes that once went wrong, with a bug that was fixed or planted. Today nothing may
// be wrong with them; with the bug that a file names it has to show the same again.

const timeoutMs = 120_000;

const files = await listScenarios();
const all = await Promise.all(files.map(async (file) => ({ file, ...(await readScenario(file)) })));
const scenarios = all.filter((one): one is RunScenario & { file: string } => one.tier === 1);
const withBug = scenarios.filter(({ plantedBug }) => plantedBug !== undefined);

/** Runs the scenario as a person would, in a copy of the library with its bug. */
async function runWithBug({ file, plantedBug }: { file: string } & RunScenario): Promise<string> {
  const program = path.join(import.meta.dirname, '..', 'sim', 'main.ts');
  const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];
  const out = await mkdtemp(path.join(tmpdir(), 'quorate-sim-'));
  const options = ['--bug', plantedBug ?? '', '--scenario', file, '--out', out];
  const { promise, resolve } = Promise.withResolvers<string>();
  execFile(
    process.execPath,
    [...flags, program, ...options],
    { timeout: timeoutMs, killSignal: 'SIGKILL' },
    (_, stdout, stderr) => resolve(stdout + stderr),
  );
  const output = await promise;
  await rm(out, { recursive: true, force: true });
  return output;
}

test('there are runs of whole nodes among the scenarios, of several kinds', () => {
  expect(new Set(scenarios.map(({ code }) => code)).size).toBeGreaterThanOrEqual(3);
});

test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
  '%s: nothing is wrong any more',
  async (_, scenario) => {
    const recorded = await runScenario(scenario, { company: simCompany });

    expect(complaintAboutRun(scenario, recorded)).toBeUndefined();
    expect(recorded.result.eventCount).toBeGreaterThan(10);
  },
  timeoutMs,
);

test.each(withBug.map((scenario) => [scenario.name, scenario] as const))(
  '%s: its bug is found again',
  async (_, scenario) => {
    const output = await runWithBug(scenario);

    expect(output).toMatch(new RegExp(`^SIM FAIL ${scenario.code} `, 'm'));
  },
  timeoutMs,
);
