import type * as Rocks from '@quorate/rocksdb';

/**
 * Loads the package with RocksDB when it is asked for, so that nobody needs it who keeps the store
 * in memory.
 *
 * @throws {Error} that says what to install.
 */
export async function loadRocks(
  load: () => Promise<typeof Rocks> = () => import('@quorate/rocksdb'),
): Promise<typeof Rocks> {
  try {
    return await load();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw cause;
    throw new Error(
      'The store rocksdb needs the package @quorate/rocksdb, which is not installed. Install it where @quorate/kv is: "npm install @quorate/rocksdb" (or "npm install --global"), or keep the store in memory with --store memory.',
      { cause },
    );
  }
}
