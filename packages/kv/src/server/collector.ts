import v8 from 'node:v8';

/** The first Node whose engine knows the option. */
const firstMajor = 24;

/**
 * Has memory outside of the heap counted together with the heap when the engine decides whether to
 * collect all of it. Left alone, it collects whenever buffers of 64 MiB have come and gone since
 * the last time: every few seconds under load, and each time it marks every pair of the store. With
 * a million of them that takes a second and more of two processors.
 *
 * For a process that is a member and nothing else; it is for whoever owns a process to choose.
 */
export function countBuffersWithHeap(): void {
  if (Number.parseInt(process.versions.node, 10) < firstMajor) return;
  v8.setFlagsFromString('--external-memory-accounted-in-global-limit');
}
