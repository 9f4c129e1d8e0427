import type { Answer } from './action.ts';
import type { RequestId } from './event.ts';
import type { InstallSnapshotRequest } from './message.ts';
import type { NodeId, Term } from './types.ts';

/** What must not leave before a write is durable. */
export type Held =
  | {
      readonly type: 'vote';
      readonly request: RequestId;
      readonly term: Term;
      readonly candidate: NodeId;
    }
  | { readonly type: 'append'; readonly request: RequestId; readonly term: Term }
  | { readonly type: 'snapshot'; readonly request: RequestId; readonly rpc: InstallSnapshotRequest }
  | { readonly type: 'snapshotAnswer'; readonly request: RequestId; readonly stored: number }
  | { readonly type: 'answer'; readonly request: RequestId; readonly answer: Answer }
  /** A candidate's own vote: it counts, and the others are asked, once it is durable. */
  | { readonly type: 'campaign'; readonly term: Term };
