export { type ByteString, byteString, bytesOf, prefixEnd } from './bytes.ts';
export {
  errorKinds,
  isKvErrorCode,
  KvError,
  type KvErrorCode,
  type KvErrorKind,
  type KvErrorOptions,
  type Retry,
} from './errors.ts';
export type { KvLimits } from './protocol/limits.ts';
export { type CompactionPolicy, KvMember, type KvMemberOptions } from './server/member.ts';
export type {
  CallContext,
  KvService,
  KvStatus,
  MemberStatus,
  SessionNumber,
} from './server/service.ts';
export type * from './types.ts';
