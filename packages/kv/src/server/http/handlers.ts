import type { Answer, Call } from './call.ts';
import {
  hash,
  leaderTransfer,
  memberAdd,
  memberPromote,
  memberRemove,
  members,
  status,
} from './cluster-calls.ts';
import { kvDelete, kvGet, kvPut } from './key-calls.ts';
import {
  compact,
  deleteRange,
  leaseGrant,
  leaseKeepAlive,
  leaseRevoke,
  leases,
  leaseTimeToLive,
  put,
  range,
  sessionClose,
  sessionOpen,
  txn,
} from './store-calls.ts';

export type Handler = (call: Call) => Answer | Promise<Answer>;

/** By `operationId` of the file; the server itself has those for streams and probes. */
export const handlers: Readonly<Record<string, Handler>> = {
  kvGet,
  kvPut,
  kvDelete,
  range,
  put,
  delete: deleteRange,
  txn,
  compact,
  leases,
  leaseGrant,
  leaseTimeToLive,
  leaseRevoke,
  leaseKeepAlive,
  sessionOpen,
  sessionClose,
  status,
  members,
  memberAdd,
  memberPromote,
  memberRemove,
  hash,
  leaderTransfer,
};
