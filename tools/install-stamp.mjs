// Remembers for which lockfile node_modules was installed.
//
// A hash, not a modification time: git sets new times on every checkout. `npm ci` removes
// node_modules first and the stamp comes last, so an install that was cut short has none. As
// `postinstall` of the root package this also stamps an `npm install` by hand.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const stampFile = path.join('node_modules', '.installed-for');

export function isInstalled(root) {
  const file = path.join(root, stampFile);
  return existsSync(file) && readFileSync(file, 'utf8') === stampOf(root);
}

export function writeInstallStamp(root) {
  const file = path.join(root, stampFile);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, stampOf(root));
}

/** Native packages differ by system, so a folder shared by two systems is installed anew. */
function stampOf(root) {
  const lockfile = readFileSync(path.join(root, 'package-lock.json'));
  const hash = createHash('sha256').update(lockfile).digest('hex');
  return `${process.platform} ${process.arch} ${hash}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeInstallStamp(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
}
