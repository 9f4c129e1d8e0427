import type { CompactRequest, LeaseGrantRequest } from '../../types.ts';
import { type Answer, type Call, change, isSet, jsonAnswer, numberOf } from './call.ts';
import {
  changeJson,
  type DeleteJson,
  deleteRequest,
  type PutJson,
  putRequest,
  type RangeJson,
  rangeJson,
  rangeRequest,
  type TxnJson,
  txnJson,
  txnRequest,
} from './store-json.ts';

/* The schemas of the file have checked each body before it comes here. */

export async function range(call: Call): Promise<Answer> {
  const { service, signal, write } = call;
  const body = call.json as RangeJson;
  const request = rangeRequest(body);
  if (body.serializable !== true) await service.barrier({ signal });
  return jsonAnswer(rangeJson(await service.range(request, call.maxAnswerBytes), write));
}

export async function put(call: Call): Promise<Answer> {
  const result = await change(call, { type: 'put', ...putRequest(call.json as PutJson) });
  return jsonAnswer(changeJson(result, call.write));
}

export async function deleteRange(call: Call): Promise<Answer> {
  const result = await change(call, { type: 'delete', ...deleteRequest(call.json as DeleteJson) });
  return jsonAnswer(changeJson(result, call.write));
}

export async function txn(call: Call): Promise<Answer> {
  const result = await change(call, { type: 'txn', ...txnRequest(call.json as TxnJson) });
  return jsonAnswer(txnJson(result, call.write));
}

export async function compact(call: Call): Promise<Answer> {
  const { revision } = call.json as CompactRequest;
  const result = await change(call, { type: 'compact', revision });
  return jsonAnswer({ revision: result.revision });
}

export async function leaseGrant(call: Call): Promise<Answer> {
  const request = call.json as LeaseGrantRequest;
  const { revision, id, ttl } = await change(call, { ...request, type: 'leaseGrant' });
  return jsonAnswer({ revision, id, ttl });
}

export async function leaseRevoke(call: Call): Promise<Answer> {
  const { revision, deleted } = await change(call, { type: 'leaseRevoke', id: idOf(call) });
  return jsonAnswer({ revision, deleted });
}

export async function leaseKeepAlive(call: Call): Promise<Answer> {
  const id = idOf(call);
  const { ttl } = await call.service.leaseKeepAlive(id, { signal: call.signal });
  return jsonAnswer({ id, ttl });
}

export async function leaseTimeToLive(call: Call): Promise<Answer> {
  const { service, signal, write } = call;
  const context = { signal, keys: isSet(call, 'keys') };
  const { id, remaining, ttl, keys } = await service.leaseTimeToLive(idOf(call), context);
  return jsonAnswer({ id, remaining, ttl, keys: keys.map((key) => write(key)) });
}

export async function leases({ service, signal }: Call): Promise<Answer> {
  return jsonAnswer({ leases: await service.leases({ signal }) });
}

export async function sessionOpen({ service, signal }: Call): Promise<Answer> {
  return jsonAnswer({ id: await service.openSession({ signal }) });
}

export async function sessionClose(call: Call): Promise<Answer> {
  const id = idOf(call);
  await call.service.closeSession(id, { signal: call.signal });
  return jsonAnswer({ id });
}

/** The path has an id, or the operation would not have been found. */
function idOf(call: Call): number {
  return numberOf(call, 'id') as number;
}
