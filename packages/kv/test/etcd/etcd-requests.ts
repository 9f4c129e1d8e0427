import type {
  ICompare,
  IDeleteRangeRequest,
  IPutRequest,
  IRangeRequest,
  IRequestOp,
  ITxnRequest,
} from 'etcd3';
import type {
  Compare,
  DeleteRequest,
  KeyRange,
  PutRequest,
  RangeRequest,
  TxnOperation,
  TxnRequest,
} from '../../src/types.ts';

/** What etcd calls our revisions and leases. 0 is none for both. */
export interface Numbering {
  readonly firstRevision: number;
  readonly firstLease: number;
}

/** What etcd's client calls them. */
const sortTargets = {
  key: 'Key',
  version: 'Version',
  create: 'Create',
  mod: 'Mod',
  value: 'Value',
} as const;
const sortOrders = { ascend: 'Ascend', descend: 'Descend' } as const;
const compareTargets = { ...sortTargets, lease: 'Lease' } as const;
const compareResults = {
  equal: 'Equal',
  greater: 'Greater',
  less: 'Less',
  notEqual: 'NotEqual',
} as const;

export function revisionThere(revision: number | undefined, numbering: Numbering): number {
  if (revision === undefined || revision === 0) return 0;
  return revision + numbering.firstRevision - 1;
}

export function leaseThere(lease: number | undefined, numbering: Numbering): number {
  return lease === undefined || lease === 0 ? 0 : lease + numbering.firstLease;
}

/** Our requests as etcd's client takes them. */
export function rangeThere(request: RangeRequest, numbering: Numbering): IRangeRequest {
  const { sort, limit = 0, keysOnly = false, countOnly = false } = request;
  const revision = (ours: number | undefined): number => revisionThere(ours, numbering);
  return {
    ...keysThere(request),
    limit,
    sort_target: sortTargets[sort?.target ?? 'key'],
    sort_order: sort === undefined ? 'None' : sortOrders[sort.order],
    revision: revision(request.revision),
    keys_only: keysOnly,
    count_only: countOnly,
    min_mod_revision: revision(request.minModRevision),
    max_mod_revision: revision(request.maxModRevision),
    min_create_revision: revision(request.minCreateRevision),
    max_create_revision: revision(request.maxCreateRevision),
  };
}

export function putThere(request: PutRequest, numbering: Numbering): IPutRequest {
  const { key, value, lease, previous, ignoreValue, ignoreLease } = request;
  return {
    key: Buffer.from(key),
    value: Buffer.from(value),
    lease: leaseThere(lease, numbering),
    prev_kv: previous === true,
    ignore_value: ignoreValue === true,
    ignore_lease: ignoreLease === true,
  };
}

export function deleteThere(request: DeleteRequest): IDeleteRangeRequest {
  return { ...keysThere(request), prev_kv: request.previous === true };
}

export function txnThere(request: TxnRequest, numbering: Numbering): ITxnRequest {
  return {
    compare: request.compare.map((one) => compareThere(one, numbering)),
    success: request.then.map((one) => operationThere(one, numbering)),
    failure: request.else.map((one) => operationThere(one, numbering)),
  };
}

function compareThere(compare: Compare, numbering: Numbering): ICompare {
  const { target, result } = compare;
  const where = keysThere(compare);
  const how = { target: compareTargets[target], result: compareResults[result] };
  switch (target) {
    case 'value':
      return { ...where, ...how, value: Buffer.from(compare.value) };
    case 'version':
      return { ...where, ...how, version: compare.number };
    case 'create':
      return { ...where, ...how, create_revision: revisionThere(compare.number, numbering) };
    case 'mod':
      return { ...where, ...how, mod_revision: revisionThere(compare.number, numbering) };
    case 'lease':
      return { ...where, ...how, lease: leaseThere(compare.number, numbering) };
  }
}

function operationThere(operation: TxnOperation, numbering: Numbering): IRequestOp {
  switch (operation.type) {
    case 'put':
      return { request_put: putThere(operation, numbering) };
    case 'delete':
      return { request_delete_range: deleteThere(operation) };
    case 'range':
      return { request_range: rangeThere(operation, numbering) };
    case 'txn':
      return { request_txn: txnThere(operation, numbering) };
  }
}

/** An end without a byte, sent as such, would be the end of all keys. */
function keysThere({ key, end }: KeyRange): { readonly key: Buffer; readonly range_end?: Buffer } {
  return { key: Buffer.from(key), ...(end !== undefined && { range_end: Buffer.from(end) }) };
}
