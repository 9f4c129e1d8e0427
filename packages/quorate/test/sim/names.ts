import type { NodeId } from '../../src/core/types.ts';

/** The name of the node that came as the `at`-th, from 0: `a`, `b`, and so on. */
export function nameOf(at: number): NodeId {
  return String.fromCharCode(97 + at);
}
