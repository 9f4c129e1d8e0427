// Compiles the library into packages/quorate/dist, from nothing.

import { rm } from 'node:fs/promises';
import path from 'node:path';

import { compileLibrary } from './commands.ts';
import { projectRoot } from './project.ts';

const dist = path.join(projectRoot, 'packages', 'quorate', 'dist');
await rm(dist, { recursive: true, force: true });
const { exitCode, output, seconds } = await compileLibrary(dist);
process.stdout.write(output);
if (exitCode === 0) console.log(`packages/quorate/dist is built (${seconds.toFixed(1)} s).`);
process.exitCode = exitCode ?? 1;
