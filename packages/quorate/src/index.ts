export type { Codec } from './contract/codec.ts';
export type { LogState, LogStore, LogWrite } from './contract/log-store.ts';
export type {
  CallOptions,
  ConnectOptions,
  IdentifyResponse,
  JoinRequest,
  LeaveRequest,
  MembersResponse,
  Network,
  RaftRpc,
  Remembered,
} from './contract/network.ts';
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
  BehindError,
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
  RefusedError,
  SessionExpiredError,
  StoppedError,
  TransferError,
  UnreachableError,
  UnsupportedError,
  WrongTargetError,
} from './errors.ts';
export type { CallType } from './node/call-book.ts';
export type {
  AddLearnerOptions,
  ChangeVotersOptions,
  JoinOptions,
  ReadBarrierOptions,
  SessionWrite,
  WaitOptions,
  WriteOptions,
} from './node/call-options.ts';
export type { Counts, RefusalKind } from './node/counters.ts';
export type { Diagnostics } from './node/diagnostics.ts';
export type { CloseOptions } from './node/ending.ts';
export type { Latency } from './node/histogram.ts';
export type { Latencies } from './node/latencies.ts';
export type { Logger } from './node/logger.ts';
export type { FollowerProgress, RaftMetrics, SessionMetrics, Waiting } from './node/metrics.ts';
export type { RaftConfig, RaftOptions } from './node/options.ts';
export { Raft } from './node/raft.ts';
export {
  type RecoverClusterOptions,
  type RecoveredCluster,
  recoverCluster,
} from './node/recover-cluster.ts';
export { type RestoreStorageOptions, restoreStorage } from './node/restore-storage.ts';
export type { Session } from './node/session.ts';
export type { WriteResult } from './node/writes.ts';
export { nodeRuntime, type Runtime, type Timer } from './platform/runtime.ts';
