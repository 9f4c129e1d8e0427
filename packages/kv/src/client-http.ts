// Nothing here, or in what it imports, knows Node: it runs in browsers as well.
export type {
  CallOptions,
  ConditionalAnswer,
  IfRevision,
  ReadOptions,
} from './client/base-client.ts';
export { BaseClient } from './client/base-client.ts';
export {
  Collection,
  type DeleteDocumentOptions,
  type DocumentEvent,
  type ListOptions,
  type PutDocumentOptions,
  type UpdateOptions,
  type WatchDocumentsOptions,
} from './client/collection.ts';
export { Entry } from './client/entry.ts';
export { HttpKvClient, type HttpKvClientOptions } from './client/http-client.ts';
export { Lease, type LeaseCallOptions } from './client/lease.ts';
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
} from './client/operations.ts';
export type { ClientOptions } from './client/parts.ts';
export { Barrier } from './client/recipes/barrier.ts';
export { Counter } from './client/recipes/counter.ts';
export type { Document } from './client/recipes/documents.ts';
export { BarrierPlace, DoubleBarrier, type EnterOptions } from './client/recipes/double-barrier.ts';
export {
  type CampaignOptions,
  Election,
  type Leader,
  Leadership,
} from './client/recipes/election.ts';
export {
  DocumentError,
  type DocumentIssue,
  RecipeError,
  type RecipeErrorCode,
} from './client/recipes/errors.ts';
export type { RecipeKv, RecipeLease } from './client/recipes/kv.ts';
export { Lock, type LockOptions } from './client/recipes/lock.ts';
export type {
  SchemaInput,
  SchemaOutput,
  StandardSchema,
} from './client/recipes/standard-schema.ts';
export { WithRecipes } from './client/recipes/with-recipes.ts';
export type { ScanOptions } from './client/scan.ts';
export type { Keys, Text } from './client/text.ts';
export type { Answers, CommitOptions, Ops, Txn, TxnAnswer } from './client/txn.ts';
export { Watch, type WatchEvent, type WatchUpdate } from './client/watch.ts';
export type { WatchedKeys, WatchOptions } from './client/watch-options.ts';
export { KvError, type KvErrorCode, type KvErrorKind, type Retry } from './errors.ts';
export type { KvStatus, MemberStatus } from './types.ts';
