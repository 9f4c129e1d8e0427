import type { CallId, RequestId } from './event.ts';
import type { OpenCall, Progress } from './progress.ts';
import type { LogIndex, NodeId } from './types.ts';

/** A candidate's election, or the pre-vote before it. */
export interface Campaign {
  readonly phase: 'preVote' | 'vote';
  readonly tally: Map<NodeId, boolean>;
  readonly calls: Map<CallId, NodeId>;
}

/** What only a leader has. */
export interface Leadership {
  /** One record for every other member, and none for anybody else. */
  readonly progress: Map<NodeId, Progress>;
  readonly calls: Map<CallId, OpenCall>;
  beatAt: number;
  /** Reads that wait for the next round, or for the first commit of the term. */
  waitingReads: RequestId[];
  /** The round under way: answers to calls from `since` on confirm it (thesis 6.4). */
  readRound:
    | { readonly since: CallId; readonly index: LogIndex; readonly requests: RequestId[] }
    | undefined;
}
