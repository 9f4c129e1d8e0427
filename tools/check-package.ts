import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { apiReportFile, makeApiReport } from './api-report.ts';
import { dependents } from './commands.ts';
import { installedProgram, projectRoot, withTemporaryFolder } from './project.ts';
import { type Outcome, runProgram } from './run-program.ts';
import { stageDependent, stagePackage } from './stage-package.ts';

const stepTimeoutMs = 120_000;

/** Packs the packages as they would be published and has their exports judged. */
export function checkPackage(): Promise<readonly string[]> {
  return withTemporaryFolder('package', async (folder) => {
    const stage = path.join(folder, 'quorate');
    const refused = await stagePackage(stage);
    if (refused !== undefined) return [`The library does not compile:\n${refused}`];
    const complaints = [...(await judge(stage, folder))];
    for (const name of dependents) {
      const staged = path.join(folder, name);
      const refusedToo = await stageDependent(name, staged, stage);
      if (refusedToo !== undefined) return [`packages/${name} does not compile:\n${refusedToo}`];
      complaints.push(...(await judge(staged, folder)));
    }
    return [...complaints, ...(await compareApiReport(stage))];
  });
}

async function judge(stage: string, folder: string): Promise<readonly string[]> {
  const packed = await run('npm', ['pack', '--silent', '--pack-destination', folder], stage);
  if (packed.exitCode !== 0) return [`npm pack failed:\n${packed.output}`];
  const fileName = packed.output.split('\n').find((line) => line.endsWith('.tgz')) ?? '';
  const tarball = path.join(folder, fileName);
  const outcomes = {
    publint: await run(installedProgram('publint'), ['run', tarball, '--strict'], folder),
    attw: await run(installedProgram('attw'), [tarball, '--profile', 'esm-only'], folder),
  };
  return Object.entries(outcomes)
    .filter(([, outcome]) => outcome.exitCode !== 0)
    .map(([name, outcome]) => `${path.basename(stage)}, ${name}:\n${outcome.output}`);
}

async function compareApiReport(stage: string): Promise<readonly string[]> {
  const wanted = await makeApiReport(stage);
  const found = await readFile(apiReportFile, 'utf8').catch(() => '');
  if (found === wanted) return [];
  const foundLines = found.split('\n');
  const line = wanted.split('\n').findIndex((text, index) => text !== foundLines[index]);
  const name = path.relative(projectRoot, apiReportFile);
  return [
    `${name}:${line + 1}: the exported signatures differ from the report.\n` +
      `  reported: ${foundLines[line] ?? '(the end)'}\n` +
      `  exported: ${wanted.split('\n')[line] ?? '(the end)'}\n` +
      'If the change of the public face is wanted, "npm run fix" writes the report anew.',
  ];
}

function run(file: string, args: readonly string[], cwd: string): Promise<Outcome> {
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined };
  return runProgram(file, args, { cwd, timeoutMs: stepTimeoutMs, capture: true, env });
}
