import type { Choices } from './choices.ts';
import type { EventQueue } from './event-queue.ts';
import type { Happening } from './hooks.ts';
import type { Knobs } from './knobs.ts';
import type { SimNetwork } from './network.ts';
import type { SimNode } from './node.ts';
import type { TraceRecorder } from './trace.ts';

/** What a node needs of the world. */
export interface NodeHost {
  readonly now: number;
  readonly queue: EventQueue;
  readonly choices: Choices;
  readonly knobs: Knobs;
  readonly trace: TraceRecorder;
  readonly network: SimNetwork;
  happen(happening: Happening): void;
  /** Ends the run with this; the first one counts. */
  fail(error: unknown): void;
  mark(name: string): void;
  countFault(kind: string): void;
  /** A process of this node is about to be started. */
  beforeStart(node: SimNode): void;
  /** The node is down and is to come up again after a while. */
  restartLater(node: SimNode): void;
}
