import type {
  EffectiveMembership,
  FollowerProgress,
  LogId,
  LogIndex,
  Membership,
  NodeId,
  NodeInfo,
  RaftMetrics,
  Role,
  Term,
} from 'quorate';
import type { CommandResponse } from './store.ts';

// The answers as callers see them. Here alone "none" is `null`: absent fields would be dropped.

export interface WireLogId {
  /** `node_id` names the leader of the term where this node knows it: in the current term. */
  readonly leader_id: { readonly term: Term; readonly node_id?: number };
  readonly index: LogIndex;
}

export interface WireNode {
  /** Where clients call. */
  readonly addr: string;
  /** Where the other nodes call, if it is another address. */
  readonly raft_addr?: string;
}

export interface WireMembership {
  readonly configs: readonly (readonly number[])[];
  readonly nodes: Readonly<Record<string, WireNode>>;
}

export interface WireWriteAnswer {
  readonly log_id: WireLogId | null;
  readonly data: { readonly value: string | null; readonly version?: number };
  readonly membership: WireMembership | null;
}

export interface WireMetrics {
  readonly running_state: { readonly Ok: null } | { readonly Err: unknown };
  readonly id: number;
  readonly state: 'Learner' | 'Follower' | 'Candidate' | 'Leader' | 'Shutdown';
  readonly current_term: Term;
  readonly current_leader: number | null;
  readonly last_log_index: LogIndex | null;
  readonly last_applied: WireLogId | null;
  readonly committed: WireLogId | null;
  readonly snapshot: WireLogId | null;
  readonly purged: WireLogId | null;
  readonly membership_config: {
    readonly log_id: WireLogId | null;
    readonly membership: WireMembership;
  };
  readonly replication: Readonly<Record<string, WireProgress>> | null;
}

export interface WireProgress {
  /** The last entry known to be on that node's disk. */
  readonly index: LogIndex;
  readonly next_index: LogIndex;
  readonly state: FollowerProgress['state'];
}

/** What a node's state machine holds. */
export interface WireDigest {
  readonly entries: number;
  readonly sha256: string;
}

export interface WireForward {
  readonly leader_id: number | null;
  readonly leader_node: WireNode | null;
}

/** Whose log ids these are: enough to say which node led the current term. */
type Leadership = Pick<RaftMetrics, 'term' | 'leader'>;

const stateNames = {
  learner: 'Learner',
  follower: 'Follower',
  candidate: 'Candidate',
  leader: 'Leader',
} as const satisfies Record<Role, WireMetrics['state']>;

export function wireMetrics(metrics: RaftMetrics): WireMetrics {
  const { fatal, last, leader, membership } = metrics;
  return {
    running_state:
      fatal === undefined ? { Ok: null } : { Err: { code: fatal.code, message: fatal.message } },
    id: Number(metrics.id),
    state: fatal === undefined ? stateNames[metrics.role] : 'Shutdown',
    current_term: metrics.term,
    current_leader: leader === undefined ? null : Number(leader),
    last_log_index: last.index === 0 ? null : last.index,
    last_applied: wireLogId(metrics.applied, metrics),
    committed: wireLogId(metrics.committed, metrics),
    snapshot: wireLogId(metrics.snapshot, metrics),
    purged: wireLogId(metrics.purged, metrics),
    membership_config: {
      log_id: wireLogId(membership.logId, metrics),
      membership: wireMembership(membership),
    },
    replication: wireReplication(metrics.progress),
  };
}

export function wireWriteAnswer(
  written: { readonly logId: LogId; readonly response: CommandResponse },
  leadership: Leadership,
): WireWriteAnswer {
  return {
    log_id: wireLogId(written.logId, leadership),
    data: written.response ?? { value: null },
    membership: null,
  };
}

export function wireMembershipAnswer(
  membership: Membership,
  logId: EffectiveMembership['logId'],
  leadership: Leadership,
): WireWriteAnswer {
  return {
    log_id: wireLogId(logId, leadership),
    data: { value: null },
    membership: wireMembership(membership),
  };
}

/** The empty log id, before the first entry, is `null`. */
export function wireLogId(logId: LogId, leadership: Leadership): WireLogId | null {
  if (logId.index === 0) return null;

  const { term, index } = logId;
  const isCurrent = term === leadership.term && leadership.leader !== undefined;
  return { leader_id: isCurrent ? { term, node_id: Number(leadership.leader) } : { term }, index };
}

export function wireForward(leader: { id: NodeId; info: NodeInfo } | undefined): WireForward {
  if (leader === undefined) return { leader_id: null, leader_node: null };
  return { leader_id: Number(leader.id), leader_node: wireNode(leader.info) };
}

/** Node id to the address where clients call. */
export function wireNodeList(membership: Membership): Record<string, string> {
  const list = Object.entries(membership.nodes);
  return Object.fromEntries(list.map(([id, info]) => [id, wireNode(info).addr] as const));
}

function wireMembership(membership: Membership): WireMembership {
  const nodes = Object.entries(membership.nodes);
  return {
    configs: membership.voters.map((voters) => voters.map(Number).toSorted((a, b) => a - b)),
    nodes: Object.fromEntries(nodes.map(([id, info]) => [id, wireNode(info)] as const)),
  };
}

function wireNode(info: NodeInfo): WireNode {
  const address = info.address ?? '';
  const apiAddress = info.data?.['apiAddress'];
  return apiAddress === undefined ? { addr: address } : { addr: apiAddress, raft_addr: address };
}

function wireReplication(progress: RaftMetrics['progress']): WireMetrics['replication'] {
  if (progress === undefined) return null;

  const replication: Record<string, WireProgress> = {};
  for (const [id, { matchIndex, nextIndex, state }] of progress) {
    replication[id] = { index: matchIndex, next_index: nextIndex, state };
  }
  return replication;
}
