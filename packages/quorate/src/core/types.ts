/**
 * The name of one node. Unique for all time: a name that left the cluster is never used again,
 * because old votes and acknowledgements may still be travelling under it.
 */
export type NodeId = string;

/** Counts leaderships. `0` is "before the first election". */
export type Term = number;

/** A position in the log. The first entry has index 1; index 0 means "no entry". */
export type LogIndex = number;

/** Names one entry for ever: no two different entries share a term and an index. */
export interface LogId {
  readonly term: Term;
  readonly index: LogIndex;
}

/** What a node has promised in the current term. Durable before anyone hears of it. */
export interface Vote {
  readonly term: Term;
  readonly votedFor: NodeId | undefined;
}

/** Where a node can be reached, and whatever the application wants replicated with it. */
export interface NodeInfo {
  readonly address?: string;
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * Who takes part. One voter set in normal operation; two while a joint-consensus change is under
 * way, and then every decision needs a majority of both. A node that is listed in `nodes` and in
 * no voter set is a learner.
 */
export interface Membership {
  /** Drawn when the cluster is initialized; two clusters never share one. */
  readonly cluster: string;
  readonly voters: readonly (readonly NodeId[])[];
  readonly nodes: Readonly<Record<NodeId, NodeInfo & { readonly incarnation?: string }>>;
  /** In a joint membership: the nodes that leave when the change completes. Absent when none do. */
  readonly leaving?: readonly NodeId[];
  /**
   * In the entry that `recoverCluster` wrote: the cluster id until then. What comes before it is of
   * that cluster, and what comes after is of `cluster`.
   */
  readonly recoveredFrom?: string;
}

/** A membership and the log entry that brought it. In force from the moment it is appended. */
export interface EffectiveMembership extends Membership {
  readonly logId: LogId;
}

export type Payload =
  /** The entry a new leader appends to learn what is committed. Never reaches the state machine. */
  | { readonly type: 'blank' }
  | { readonly type: 'command'; readonly data: CommandData }
  | { readonly type: 'membership'; readonly membership: Membership }
  /** Opens, keeps or expires client sessions. Handled by the library, never by the user's apply. */
  | { readonly type: 'session'; readonly data: Uint8Array };

/**
 * A command on its way through the log. The core never looks inside. `bytes` is made by `write`, in
 * the call itself (what the caller does to its object later changes nothing); `value` is what those
 * bytes decode to, decoded once per node and shared by the nodes of one process. Every node, the
 * leader included, applies the decoded value, so that replicas cannot differ by what a codec drops.
 */
export interface CommandData {
  readonly bytes: Uint8Array;
  /** The command was given as bytes and is these bytes; no codec was or will be asked. */
  readonly raw?: true;
  /** `undefined` until somebody in this process has decoded `bytes`. */
  readonly value: unknown;
  /** Set when the write belongs to a client session; `sequence` grows by one with each write. */
  readonly session?: { readonly id: LogIndex; readonly sequence: number };
}

export interface Entry {
  readonly logId: LogId;
  readonly payload: Payload;
}

/**
 * Who a node is, kept by its log store. A disk that was wiped comes back with another incarnation;
 * a disk restored from an old copy with a lower count of starts than its peers remember.
 */
export interface Identity {
  readonly cluster: string | undefined;
  readonly node: NodeId;
  readonly incarnation: string;
  readonly starts: number;
  /** The ids that the cluster had before it was recovered, oldest first. Absent when none. */
  readonly formerly?: readonly string[];
  /**
   * Drawn at each start and told by `identify` alone, never stored: it tells one process from
   * another that counts the same starts.
   */
  readonly run?: string;
}

/** Describes a snapshot without its content. */
export interface SnapshotMeta {
  /** Names these bytes: a transfer resumes only between equal ids. */
  readonly id: string;
  /** The last entry whose effect is in the snapshot. */
  readonly lastLogId: LogId;
  /** The membership in force at that entry. */
  readonly membership: EffectiveMembership;
}

export type Role = 'learner' | 'follower' | 'candidate' | 'leader';
