import { KvError } from '../../errors.ts';
import type { Compare, KeyValue, TxnOperation, TxnResult } from '../../types.ts';
import {
  type Answer,
  bytesParameter,
  type Call,
  change,
  isSet,
  jsonAnswer,
  numberOf,
  strangeAnswer,
} from './call.ts';
import { comparesOf, conditionFailed, entityTag, isUnchanged } from './conditions.ts';
import { changeJson, keyValueJson, type ValueJson, valueAndOptions } from './store-json.ts';

/* GET, PUT and DELETE /v1/kv/{key} */

export async function kvGet(call: Call): Promise<Answer> {
  const { service, parameters, signal, write } = call;
  const key = keyOf(call);
  if (!isSet(call, 'serializable')) await service.barrier({ signal });
  const at = numberOf(call, 'revision');
  const request = at === undefined ? { key } : { key, revision: at };
  const { kvs, revision } = await service.range(request);
  const [kv] = kvs;
  if (kv === undefined) {
    const message = `There is no such key at revision ${at === undefined || at === 0 ? revision : at}.`;
    throw new KvError('KV_KEY_NOT_FOUND', message, { details: { revision } });
  }
  const headers = { ...headersOf(kv), 'Quorate-Revision': String(revision) };
  if (isUnchanged(kv.modRevision, parameters)) return { type: 'empty', status: 304, headers };
  if (!call.wantsRaw) return jsonAnswer({ revision, kv: keyValueJson(kv, write) }, headers);
  return { type: 'raw', contentType: 'application/octet-stream', body: kv.value, headers };
}

export async function kvPut(call: Call): Promise<Answer> {
  const key = keyOf(call);
  const put = { ...valueOf(call), key };
  const compares = comparesOf(key, call.parameters);
  const operation = { type: 'put', ...put } as const;
  const result =
    compares.length === 0
      ? await change(call, operation)
      : await changeIf(call, { key, compares, operation });
  return jsonAnswer(changeJson(result, call.write), { ETag: entityTag(result.revision) });
}

export async function kvDelete(call: Call): Promise<Answer> {
  const key = keyOf(call);
  const compares = comparesOf(key, call.parameters);
  const operation = { type: 'delete', key, previous: isSet(call, 'previous') } as const;
  const result =
    compares.length === 0
      ? await change(call, operation)
      : await changeIf(call, { key, compares, operation });
  return jsonAnswer(changeJson(result, call.write));
}

interface Conditional<One> {
  readonly key: Uint8Array;
  readonly compares: readonly Compare[];
  readonly operation: One;
}

type ChangeOf<One extends TxnOperation> = Extract<TxnResult, { readonly type: One['type'] }>;

/** Compares and changes in one transaction, which also says what the key is if it is otherwise. */
async function changeIf<One extends Extract<TxnOperation, { type: 'put' | 'delete' }>>(
  call: Call,
  { key, compares, operation }: Conditional<One>,
): Promise<ChangeOf<One>> {
  const { succeeded, results } = await change(call, {
    type: 'txn',
    compare: compares,
    then: [operation],
    else: [{ type: 'range', key, keysOnly: true }],
  });
  const [result] = results;
  if (succeeded && result?.type === operation.type) return result as ChangeOf<One>;
  if (!succeeded && result?.type === 'range')
    throw conditionFailed(result.kvs[0]?.modRevision ?? 0);
  throw strangeAnswer(call.session, operation.type);
}

function keyOf(call: Call): Uint8Array {
  // The path has one, or the operation would not have been found.
  return bytesParameter(call, 'key') as Uint8Array;
}

/** The value and its options: from the address if the body is the value itself. */
function valueOf(call: Call): ReturnType<typeof valueAndOptions> {
  const lease = numberOf(call, 'lease');
  const options: ValueJson = {
    ...(lease === undefined ? {} : { lease }),
    ...(isSet(call, 'previous') ? { previous: true } : {}),
  };
  if (call.raw !== undefined) return { ...options, value: call.raw };
  return valueAndOptions({ ...options, ...(call.json as ValueJson) });
}

function headersOf({
  createRevision,
  modRevision,
  version,
  lease,
}: KeyValue): Record<string, string> {
  return {
    ETag: entityTag(modRevision),
    'Quorate-Create-Revision': String(createRevision),
    'Quorate-Mod-Revision': String(modRevision),
    'Quorate-Version': String(version),
    'Quorate-Lease': String(lease),
  };
}
