export type { Codec } from './contract/codec.ts';
export type { LogState, LogStore, LogWrite } from './contract/log-store.ts';
export type { CallOptions, Network, RaftRpc } from './contract/network.ts';
export type {
  Snapshot,
  SnapshotReceiver,
  SnapshotStore,
  SnapshotWhole,
} from './contract/snapshot-store.ts';
export type {
  AnyStateMachine,
  Committed,
  DurableStateMachine,
  LibraryRecord,
  StateMachine,
} from './contract/state-machine.ts';
export type { Storage } from './contract/storage.ts';
export type * from './core/message.ts';
export type {
  CommandData,
  EffectiveMembership,
  Entry,
  Identity,
  LogId,
  LogIndex,
  Membership,
  NodeId,
  NodeInfo,
  Payload,
  Role,
  SnapshotMeta,
  Term,
  Vote,
} from './core/types.ts';
export {
  AlreadyInitializedError,
  ChangeInProgressError,
  DamagedError,
  EntryNotFoundError,
  FatalError,
  InvalidMembershipError,
  type LeaderHint,
  LeadershipLostError,
  LockedError,
  NotLeaderError,
  OverloadedError,
  RaftError,
  type RaftErrorCode,
  type RaftErrorOptions,
  StoppedError,
  UnreachableError,
  UnsupportedError,
  WrongTargetError,
} from './errors.ts';
export type { FollowerProgress, RaftMetrics } from './node/metrics.ts';
export type { RaftConfig, RaftOptions } from './node/options.ts';
export {
  type AddLearnerOptions,
  type ChangeVotersOptions,
  Raft,
  type WaitOptions,
} from './node/raft.ts';
export type { WriteResult } from './node/writes.ts';
export type { Runtime, Timer } from './platform/runtime.ts';
