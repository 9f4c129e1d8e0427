// Writes what can be written by itself: format, lint fixes, the report of the public face.

import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { apiReportFile, makeApiReport } from './api-report.ts';
import { runInstalled } from './commands.ts';
import { projectRoot, withTemporaryFolder } from './project.ts';
import { stagePackage } from './stage-package.ts';

const lint = await runInstalled('oxlint', '--type-aware', '--fix');
const format = await runInstalled('biome', 'check', '--write', '--colors=off');
for (const { exitCode, output } of [lint, format]) {
  if (exitCode === 0) continue;
  console.log(output);
  process.exitCode = 1;
}
await withTemporaryFolder('package', async (folder) => {
  const stage = path.join(folder, 'quorate');
  const refused = await stagePackage(stage);
  if (refused === undefined) {
    await writeFile(apiReportFile, await makeApiReport(stage));
    console.log(`${path.relative(projectRoot, apiReportFile)} is written.`);
    return;
  }
  console.log(`The library does not compile, so the API report stays as it is:\n${refused}`);
  process.exitCode = 1;
});
