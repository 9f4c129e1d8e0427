import type { Storage } from '../contract/storage.ts';
import type { NodeId } from '../core/types.ts';

/**
 * Two nodes on one storage would vote twice. This says nothing about nodes; it only marks objects.
 */
const storagesInUse = new WeakSet<Storage>();

/** @throws {RangeError} if a node of this process runs on it. */
export function takeStorage(storage: Storage, id: NodeId): void {
  if (storagesInUse.has(storage)) {
    throw new RangeError(
      `The storage for node ${id} is in use by a node that runs. Close that one first, or give this one storage of its own.`,
    );
  }
  storagesInUse.add(storage);
}

export function releaseStorage(storage: Storage): void {
  storagesInUse.delete(storage);
}
