import { byteString } from '../../src/bytes.ts';
import type { KeyValue, RangeRequest, RangeResponse, Revision } from '../../src/types.ts';
import { type Change, isIn } from '../checks/watches.ts';

/** What a read was answered. */
export interface SeenRead {
  readonly client: string;
  readonly request: RangeRequest;
  readonly response: RangeResponse;
}

/** Reads that do not show the store as it was at their revision. */
export function checkReads(
  reads: readonly SeenRead[],
  changes: readonly Change[],
): readonly string[] {
  const faults: string[] = [];
  const state = new Map<string, KeyValue>();
  let revision: Revision = 1;
  let at = 0;
  const sorted = reads.toSorted((left, right) => revisionOf(left) - revisionOf(right));
  for (const read of sorted) {
    const wanted = revisionOf(read);
    for (let next = changes[at]; next !== undefined && next.revision <= wanted; ) {
      for (const { type, kv } of next.events) {
        if (type === 'put') state.set(byteString(kv.key), kv);
        else state.delete(byteString(kv.key));
      }
      ({ revision } = next);
      at += 1;
      next = changes[at];
    }
    if (revision !== wanted) faults.push(`${read.client} read at ${wanted}, which never was.`);
    else faults.push(...differences(read, state));
  }
  return faults;
}

function revisionOf({ request, response }: SeenRead): Revision {
  return request.revision === undefined || request.revision === 0
    ? response.revision
    : request.revision;
}

function differences(
  { client, request, response }: SeenRead,
  state: ReadonlyMap<string, KeyValue>,
): string[] {
  const all = [...state.values()]
    .filter(({ key }) => isIn(request, key))
    .sort((left, right) => (byteString(left.key) < byteString(right.key) ? -1 : 1));
  const { limit = 0, countOnly = false } = request;
  const some = countOnly ? [] : limit > 0 ? all.slice(0, limit) : all;
  const wanted = `${all.length} keys: ${some.map(textOf).join(', ')}`;
  const found = `${response.count} keys: ${response.kvs.map(textOf).join(', ')}`;
  if (wanted === found) return [];
  const at = request.revision ?? response.revision;
  return [`At revision ${at} client ${client} was to find ${wanted}, and found ${found}.`];
}

function textOf({ key, value, createRevision, modRevision, version, lease }: KeyValue): string {
  const numbers = `${createRevision}/${modRevision} version ${version} lease ${lease}`;
  return `${byteString(key)}=${byteString(value)} (${numbers})`;
}
