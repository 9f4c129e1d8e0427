// Runs one benchmark: `npm run bench -- NAME [options]`, by default in-process.

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import { projectRoot } from './project.ts';

const folder = path.join(projectRoot, 'bench');
const [first, ...others] = process.argv.slice(2);
const isNamed = first !== undefined && !first.startsWith('-');
const name = isNamed ? first : 'in-process';
const program = path.join(folder, `${name}.ts`);

if (existsSync(program)) {
  // The benchmark sees its own options only, as if it had been started directly.
  const options = isNamed || first === undefined ? others : [first, ...others];
  process.argv.splice(1, process.argv.length, program, ...options);
  await import(pathToFileURL(program).href);
} else {
  const names = (existsSync(folder) ? readdirSync(folder) : [])
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => path.basename(file, '.ts'));
  console.error(`There is no benchmark "${name}". Known: ${names.join(', ') || 'none yet'}.`);
  process.exitCode = 1;
}
