// The way in: `node tools/bootstrap.mjs COMMAND [options]`, which every npm script calls.
//
// Plain JavaScript for old Nodes, with nothing imported from node_modules: it makes sure that what
// the lockfile names is installed, then goes on under the Node that the project is developed with.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { isInstalled, writeInstallStamp } from './install-stamp.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const binFolder = path.join(root, 'node_modules', '.bin');

/** The oldest Node that runs TypeScript sources without a flag. */
const minimumVersion = [22, 18];

/** What each command runs. Options after the command are passed on. */
const programs = {
  start: 'tools/demo.ts',
  test: 'tools/test.ts',
  'test:full': 'tools/test.ts',
  'test:matrix': 'tools/test-matrix.ts',
  check: 'tools/check.ts',
  fix: 'tools/fix.ts',
  build: 'tools/build.ts',
  bench: 'tools/bench.ts',
  walk: 'packages/quorate/test/walker/main.ts',
  explore: 'packages/quorate/test/explore/main.ts',
  sim: 'packages/quorate/test/sim/main.ts',
  mutants: 'packages/quorate/test/mutants/main.ts',
  chaos: 'packages/quorate/test/chaos/main.ts',
  quorate: 'packages/kv/src/cli/main.ts',
  memstore: 'examples/kv-memstore/start.ts',
};

/** What some of them run with "--server NAME": the servers of the other packages. */
const serverPrograms = {
  'chaos --server kv': 'packages/kv/test/chaos/main.ts',
  'sim --server kv': 'packages/kv/test/sim/main.ts',
};

/**
 * Ctrl-C in a terminal signals the whole process group, and npm passes it on once more. Signals of
 * one kind that come this close together are one wish of the user.
 */
const sameSignalMs = 300;

/** How often to look whether whoever started this is still there. */
const parentLookMs = 250;

async function main() {
  const [command = '', ...options] = process.argv.slice(2);
  const program = programOf(command, options);
  if (program === undefined) {
    const known = Object.keys(programs).join(', ');
    fail(`There is no command "${command}". Known commands: ${known}.`);
  }
  if (!isInstalled(root)) await install();
  if (!existsSync(path.join(root, program))) {
    fail(`${program}, which "npm run ${command}" runs, does not exist.`);
  }
  await goOn(chooseNode(), program, options, command);
}

function programOf(command, options) {
  const at = options.indexOf('--server');
  const server = at < 0 ? undefined : options[at + 1];
  return serverPrograms[`${command} --server ${server}`] ?? programs[command];
}

async function install() {
  const reason = existsSync(path.join(root, 'node_modules'))
    ? 'node_modules does not match package-lock.json'
    : 'node_modules is missing';
  console.error(`quorate: ${reason}; installing with "npm ci" (about half a minute).`);
  // Under `npm run` this names the npm that is running, which need not be the one in PATH.
  const npmProgram = process.env.npm_execpath;
  const [file, before] =
    npmProgram?.endsWith('.js') === true ? [process.execPath, [npmProgram]] : ['npm', []];
  const npmOptions = ['--include=dev', '--include=optional', '--loglevel=error'];
  const child = spawn(file, [...before, 'ci', ...npmOptions], { cwd: root, stdio: 'inherit' });
  const { code, signal, error } = await ended(child);
  if (signal !== null) fail('The install was interrupted. The next run starts it again.', 130);
  if (error !== undefined) fail(`npm could not be started: ${error.message}`);
  if (code !== 0) {
    fail(`"npm ci" failed with exit code ${code}; its message is above. Run again once mended.`);
  }
  writeInstallStamp(root);
}

function chooseNode() {
  const pinned = path.join(binFolder, 'node');
  if (existsSync(pinned)) return pinned;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [wantedMajor, wantedMinor] = minimumVersion;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) {
    return process.execPath;
  }
  return fail(
    `Node ${wantedMajor}.${wantedMinor} or newer is needed and this is ${process.versions.node}. ` +
      `The project brings its own Node on Linux x64 only (here: ${process.platform} ` +
      `${process.arch}); install Node 24 and run again.`,
  );
}

/** Runs the program in this terminal, passes signals on once each, and ends as it ends. */
async function goOn(node, program, options, command) {
  const lifeline = new URL('lifeline.mjs', import.meta.url).href;
  const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];
  const child = spawn(
    node,
    [...flags, `--import=${lifeline}`, path.join(root, program), ...options],
    {
      cwd: root,
      // A process group of its own, so that Ctrl-C reaches the program only through this process,
      // and a channel whose end tells the program that this process is gone (see lifeline.mjs).
      detached: process.platform !== 'win32',
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      env: {
        ...process.env,
        PATH: `${binFolder}${path.delimiter}${process.env.PATH ?? ''}`,
        // npm has set these to the Node that it was started with itself.
        NODE: node,
        npm_node_execpath: node,
        ...(command === 'test:full' ? { QUORATE_TEST_FULL: '1' } : {}),
      },
    },
  );
  const { code, signal, error } = await ended(child);
  if (error !== undefined) fail(`${node} could not be started: ${error.message}`);
  if (signal === null) process.exit(code);
  process.kill(process.pid, signal);
}

/** Waits for a child and meanwhile passes signals on to it. Takes its handlers away at the end. */
function ended(child) {
  const lastAt = new Map();
  const pass = (signal) => {
    const isRepeat = Date.now() - (lastAt.get(signal) ?? -Infinity) < sameSignalMs;
    if (isRepeat && signal !== 'SIGWINCH') return;
    lastAt.set(signal, Date.now());
    child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGWINCH'];
  for (const signal of signals) process.on(signal, pass);
  const watch = watchParent(() => pass('SIGTERM'));
  return new Promise((resolve) => {
    const settle = (result) => {
      clearInterval(watch);
      for (const signal of signals) process.removeListener(signal, pass);
      resolve(result);
    };
    child.once('error', (error) => settle({ code: null, signal: null, error }));
    child.once('exit', (code, signal) => settle({ code, signal }));
  });
}

/** npm does not always take what it started along when it is ended; what was under it moves up. */
function watchParent(onGone) {
  if (process.env.npm_lifecycle_event === undefined) return undefined;
  const parent = process.ppid;
  return setInterval(() => {
    if (process.ppid !== parent) onGone();
  }, parentLookMs);
}

function fail(message, exitCode = 1) {
  console.error(`quorate: ${message}`);
  process.exit(exitCode);
}

await main();
