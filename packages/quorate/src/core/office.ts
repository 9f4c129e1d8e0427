import type { CallId, RequestId } from './event.ts';
import type { OpenCall, Progress } from './progress.ts';
import type { LogIndex, NodeId } from './types.ts';

/** A candidate's election, or the pre-vote before it. */
export interface Campaign {
  readonly phase: 'preVote' | 'vote';
  /** The leader asked for it (thesis 3.10). */
  readonly isTransfer: boolean;
  readonly tally: Map<NodeId, boolean>;
  readonly calls: Map<CallId, NodeId>;
}

/** Leadership on its way to another voter (thesis 3.10). */
export interface Transfer {
  readonly request: RequestId;
  readonly to: NodeId;
  /** When it has failed if this node still leads. */
  readonly endsAt: number;
  /** The call that asks `to` to campaign; made once that node has the whole log. */
  call: CallId | undefined;
  /** A call before this one was not answered, and may have arrived all the same. */
  mayHaveAsked: boolean;
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
  /** The one under way. Nothing is proposed until it ends. */
  transfer: Transfer | undefined;
  /**
   * Set by the first transfer and never cleared: its target may win without the others' loyalty
   * at any time until this term is over, so there is no lease any more.
   */
  hasBegunTransfer: boolean;
}
