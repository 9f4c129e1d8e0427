// Declarations of a whole module can only be referred to, not imported.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./rocksdb-native.d.ts" />

import { UnsupportedError } from 'quorate';
import type RocksDB from 'rocksdb-native';

export type RocksConstructor = typeof RocksDB;

/**
 * Loads the native library on the first call, so that a program which opens no state does not need
 * it.
 *
 * @throws {UnsupportedError} that says what is missing on this system and what to do about it.
 */
export async function loadRocks(
  load: () => Promise<{ readonly default: RocksConstructor }> = () => import('rocksdb-native'),
): Promise<RocksConstructor> {
  try {
    return (await load()).default;
  } catch (cause) {
    throw new UnsupportedError(`RocksDB cannot be loaded: ${reasonIn(cause)}`, { cause });
  }
}

function reasonIn(failure: unknown): string {
  const messages: string[] = [];
  for (let at = failure; at instanceof Error && messages.length < 5; at = at.cause) {
    messages.push(at.message);
  }
  const text = messages.join('\n');
  const [, library] = /^(\S+): cannot open shared object file/m.exec(text) ?? [];
  if (library?.startsWith('libatomic.') === true) {
    return (
      `the system library ${library} is missing. Install it: on Debian and Ubuntu ` +
      '"apt-get install libatomic1", on Fedora and Red Hat "dnf install libatomic".'
    );
  }
  if (library !== undefined) {
    return `the system library ${library} is missing. Install the package that brings it.`;
  }
  if (text.includes('Cannot find addon')) {
    return (
      `rocksdb-native has no build for this system (${process.platform} ${process.arch}). It has ` +
      'some for Linux with glibc, macOS and Windows, each on x64 and arm64.'
    );
  }
  return messages.at(-1) ?? String(failure);
}
