import type { RaftRpc } from '../contract/network.ts';
import type { EffectiveMembership, LogIndex, NodeInfo, Term } from '../core/types.ts';
import type { RaftOptions } from './options.ts';
import type { ReadMode } from './reads.ts';

/** What every waiting call takes. */
export interface WaitOptions {
  /** Stops waiting; the call rejects with `signal.reason`. What it has set in motion goes on. */
  readonly signal?: AbortSignal;
}

/** A write of a session: which session, and the how manieth of its writes. */
export interface SessionWrite {
  /** `Session.id` of a session that was opened on any node and is not closed. */
  readonly id: LogIndex;
  /** 1, 2, 3... in the order in which the client made its writes; the same when it repeats one. */
  readonly sequence: number;
}

export interface WriteOptions extends WaitOptions {
  /**
   * For a server whose clients number their writes themselves and may repeat them at another node:
   * the write takes effect once, and a repetition gets the first response. It is sent once; the
   * client repeats it, and keeps the numbers under way within half of `sessionWindow`. Inside of
   * one process, `Session.write` does all of this.
   */
  readonly session?: SessionWrite;
  /**
   * Log it as leader of this term, or not at all: it is neither passed on nor proposed in a later
   * term, and rejects with a `NotLeaderError`. For what only this leader may decide, by its clock
   * for example.
   */
  readonly term?: Term;
}

export interface ReadBarrierOptions extends WaitOptions {
  /** How the leader makes sure that it still leads. Default `quorum`. */
  readonly mode?: ReadMode;
}

export interface AddLearnerOptions extends WaitOptions {
  /**
   * Resolve only once the learner has what the leader had when it was added, and has applied or
   * restored it. Default `true`.
   */
  readonly wait?: boolean;
}

export interface ChangeVotersOptions extends WaitOptions {
  /** Keep removed voters as learners. Default `false`. */
  readonly keepRemoved?: boolean;
  /** Ask neither whether new voters have caught up nor whether enough answer. Default `false`. */
  readonly force?: boolean;
  /**
   * The membership that the new voters were derived from. If its voters are not in force any more
   * when the change begins, it is refused with `ChangeInProgressError`, and nobody is dropped who
   * came in meanwhile.
   */
  readonly basedOn?: EffectiveMembership;
}

export interface JoinOptions<Command, Response>
  extends RaftOptions<Command, Response>,
    WaitOptions {
  /**
   * Where the others reach this node, and what else is replicated about it. Of a node that is a
   * member already it replaces what is known, field by field; what is left out stays.
   */
  readonly info: NodeInfo;
  /** Where members of the cluster may be reached; `address` is needed. Not all need to answer. */
  readonly seeds: readonly NodeInfo[];
  /** Be a voter in the end, not only a learner. Default `true`. */
  readonly voter?: boolean;
  /**
   * Called with the node's `rpc` once it runs: hand it to the server side of the network. The node
   * joins after that, since the others must reach it while it does.
   */
  readonly serve: (rpc: RaftRpc) => void | Promise<void>;
}
