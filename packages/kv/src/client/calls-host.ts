import type { Deadlines } from './deadlines.ts';
import type { Members } from './members.ts';
import type { Pauses } from './pauses.ts';
import type { ClientRuntime } from './runtime.ts';
import type { Wire } from './transport.ts';

/** What all calls of one client have in common. */
export interface CallsHost {
  readonly wire: Wire;
  readonly runtime: ClientRuntime;
  readonly members: Members;
  readonly deadlines: Deadlines;
  readonly pauses: Pauses;
  /** Calls that may wait for their answers at a time: so many writes, and so many reads. */
  readonly maxPendingCalls: number;
  /** Bytes of writes that may be unanswered at a time. */
  readonly maxPendingBytes: number;
}
