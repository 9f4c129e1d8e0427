// Runs the tests under every Node that is supported. The Nodes are installed on the first run, in
// a folder of their own: each would claim node_modules/.bin/node. `npm run test:matrix -- 22 26`
// runs those only; what is not a number goes to the tests as filters.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { projectRoot } from './project.ts';
import { endProgramsOnSignal, runProgram } from './run-program.ts';

const folder = path.join(import.meta.dirname, 'node-matrix');
const majors = ['22', '24', '26'];
const installTimeoutMs = 10 * 60_000;
/** Runs of the simulator that must be the same everywhere. */
const seeds = ['matrix-1', 'matrix-2', 'matrix-3', 'matrix-4', 'matrix-5'];
const testTimeoutMs = 60 * 60_000;

endProgramsOnSignal();
const chosen = process.argv.slice(2).filter((option) => majors.includes(option));
const filters = process.argv.slice(2).filter((option) => !majors.includes(option));
await install();
const results: string[] = [];
const used = chosen.length > 0 ? chosen : majors;
for (const major of used) results.push(`Node ${major}: ${await testUnder(major)}`);
results.push(compareRuns());
console.log(`\n${results.join('\n')}`);

async function install(): Promise<void> {
  const isComplete = majors.every((major) => isWanted(major));
  if (isComplete) return;
  console.log('Installing the Nodes of tools/node-matrix (about 600 MB).');
  const { exitCode } = await runProgram('npm', ['ci', '--loglevel=error'], {
    cwd: folder,
    timeoutMs: installTimeoutMs,
  });
  if (exitCode === 0 && majors.every((major) => existsSync(nodeOf(major)))) return;
  console.error('The Nodes could not be installed; they are packaged for Linux x64 only.');
  process.exit(1);
}

/** Whether the version of the lockfile is the one that is installed. */
function isWanted(major: string): boolean {
  const name = `node_modules/node${major}`;
  const installed = path.join(folder, name, 'package.json');
  if (!existsSync(installed)) return false;
  const lockfile = readVersions(path.join(folder, 'package-lock.json'));
  return lockfile.packages?.[name]?.version === readVersions(installed).version;
}

type Versions = {
  readonly version?: string;
  readonly packages?: Readonly<Record<string, { readonly version: string }>>;
};

function readVersions(file: string): Versions {
  return JSON.parse(readFileSync(file, 'utf8')) as Versions;
}

function nodeOf(major: string): string {
  return path.join(folder, 'node_modules', `node${major}`, 'bin', 'node');
}

async function testUnder(major: string): Promise<string> {
  const node = nodeOf(major);
  console.log(`\n=== Node ${major} ===`);
  const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];
  const { exitCode } = await runProgram(node, [...flags, 'tools/test.ts', ...filters], {
    cwd: projectRoot,
    timeoutMs: testTimeoutMs,
    // What the tests start is to run under the same Node.
    env: { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env['PATH']}` },
  });
  if (exitCode !== 0) process.exitCode = 1;
  return exitCode === 0 ? 'passed' : 'failed';
}

/** The simulator does the same under every Node, to the byte. */
function compareRuns(): string {
  for (const seed of seeds) {
    const hashes = used.map((major) => hashUnder(major, seed));
    if (new Set(hashes).size === 1) continue;
    process.exitCode = 1;
    const told = used.map((major, at) => `Node ${major} ${hashes[at]}`).join(', ');
    return `Simulator: seed ${seed} is not the same run everywhere: ${told}`;
  }
  return `Simulator: ${seeds.length} seeds are the same runs under Node ${used.join(', ')}`;
}

function hashUnder(major: string, seed: string): string {
  const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];
  const program = path.join(projectRoot, 'packages/quorate/test/sim/main.ts');
  const output = execFileSync(nodeOf(major), [...flags, program, '--seed', seed], {
    encoding: 'utf8',
    timeout: testTimeoutMs,
  });
  const hash = /hash ([0-9a-f]{8})/.exec(output)?.[1];
  if (hash === undefined) throw new Error(`Node ${major} printed no hash for seed ${seed}.`);
  return hash;
}
