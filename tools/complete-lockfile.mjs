// Adds what npm leaves out of package-lock.json: the packages for other systems, when the registry
// that it was made from does not have them. `npm ci` refuses a lockfile without them, everywhere.
//
// Runs as `postinstall` of the root package. Changes nothing when nothing is missing.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openharmony', 'sunos', 'win32'];
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'x64'];

/** Returns the lockfile with an entry for every optional dependency, and how many were missing. */
function completeLockfile(lockfile) {
  const packages = { ...lockfile.packages };
  let addedCount = 0;
  for (const [place, entry] of Object.entries(lockfile.packages)) {
    for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
      const version = range.replace(/^[\^~]/, '');
      if (findVersion(packages, place, name) === version || !/^\d/.test(version)) continue;
      if (isSatisfiedOtherwise(packages, place, name, range)) continue;
      const topPlace = `node_modules/${name}`;
      const isFree = packages[topPlace] === undefined;
      packages[isFree ? topPlace : `${place}/${topPlace}`] = entryFor(name, version, entry);
      addedCount += 1;
    }
  }
  const sorted = Object.entries(packages).sort(([left], [right]) => (left < right ? -1 : 1));
  return { lockfile: { ...lockfile, packages: Object.fromEntries(sorted) }, addedCount };
}

/** The version that a package in `place` gets for `name`: the nearest one on the way up. */
function findVersion(packages, place, name) {
  for (let at = place; ; at = parentOf(at)) {
    const entry = packages[at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`];
    if (entry !== undefined) return entry.version;
    if (at === '') return undefined;
  }
}

/** A range that is no single version is left to npm as soon as any version is there. */
function isSatisfiedOtherwise(packages, place, name, range) {
  return /^[\^~]/.test(range) && findVersion(packages, place, name) !== undefined;
}

function parentOf(place) {
  const at = place.lastIndexOf('/node_modules/');
  return at === -1 ? '' : place.slice(0, at);
}

/** The names of such packages say which system they are for. No hash: nobody here has seen them. */
function entryFor(name, version, parent) {
  const words = name.split(/[/-]/);
  const os = systems.filter((system) => words.includes(system));
  const cpu = processors.filter((processor) => words.includes(processor));
  const libc = words.some((word) => word.startsWith('musl')) ? ['musl'] : [];
  return {
    version,
    ...(cpu.length > 0 ? { cpu } : {}),
    ...(parent.dev === true ? { dev: true } : {}),
    ...(libc.length > 0 ? { libc } : {}),
    optional: true,
    ...(os.length > 0 ? { os } : {}),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
  const file = path.join(root, 'package-lock.json');
  const { lockfile, addedCount } = completeLockfile(JSON.parse(readFileSync(file, 'utf8')));
  if (addedCount > 0) {
    writeFileSync(file, `${JSON.stringify(lockfile, undefined, 2)}\n`);
    console.log(`package-lock.json: ${addedCount} packages for other systems are added.`);
  }
}
