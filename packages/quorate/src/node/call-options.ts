import type { RaftRpc } from '../contract/network.ts';
import type { NodeInfo } from '../core/types.ts';
import type { RaftOptions } from './options.ts';
import type { ReadMode } from './reads.ts';

/** What every waiting call takes. */
export interface WaitOptions {
  /** Stops waiting; the call rejects with `signal.reason`. What it has set in motion goes on. */
  readonly signal?: AbortSignal;
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
