// What both clients have to offer beside themselves; nothing of it knows Node.

export { KvError, type KvErrorCode, type KvErrorKind, type Retry } from '../errors.ts';
export type {
  AlertSeverity,
  DiskStatus,
  KvAlert,
  KvAlertCode,
  KvStatus,
  MemberAddRequest,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MemberStatus,
  MembershipChange,
} from '../types.ts';
export type {
  CallOptions,
  ConditionalAnswer,
  IfRevision,
  ReadOptions,
} from './base-client.ts';
export { BaseClient } from './base-client.ts';
export type {
  Cluster,
  ClusterCallOptions,
  MemberReport,
  StatusOptions,
} from './cluster.ts';
export {
  Collection,
  type DeleteDocumentOptions,
  type DocumentEvent,
  type ListOptions,
  type PutDocumentOptions,
  type UpdateOptions,
  type WatchDocumentsOptions,
} from './collection.ts';
export { Entry } from './entry.ts';
export { Lease, type LeaseCallOptions } from './lease.ts';
export {
  compare,
  type DeleteAnswer,
  type DeleteOptions,
  type Op,
  op,
  type Page,
  type PageOptions,
  type PutAnswer,
  type PutOptions,
  type Relation,
} from './operations.ts';
export type { ClientOptions } from './parts.ts';
export { Barrier } from './recipes/barrier.ts';
export { Counter } from './recipes/counter.ts';
export type { Document } from './recipes/documents.ts';
export { BarrierPlace, DoubleBarrier, type EnterOptions } from './recipes/double-barrier.ts';
export {
  type CampaignOptions,
  Election,
  type Leader,
  Leadership,
} from './recipes/election.ts';
export {
  DocumentError,
  type DocumentIssue,
  RecipeError,
  type RecipeErrorCode,
} from './recipes/errors.ts';
export type { RecipeKv, RecipeLease } from './recipes/kv.ts';
export { Lock, type LockOptions } from './recipes/lock.ts';
export type {
  SchemaInput,
  SchemaOutput,
  StandardSchema,
} from './recipes/standard-schema.ts';
export { WithRecipes } from './recipes/with-recipes.ts';
export type { ScanOptions } from './scan.ts';
export type { Keys, Text } from './text.ts';
export type { Answers, CommitOptions, Ops, Txn, TxnAnswer } from './txn.ts';
export { Watch, type WatchEvent, type WatchUpdate } from './watch.ts';
export type { WatchedKeys, WatchOptions } from './watch-options.ts';
