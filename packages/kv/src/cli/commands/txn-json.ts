import { KvError } from '../../errors.ts';
import { demandShallow } from '../../server/http/depth.ts';
import { findJsonFault } from '../../server/http/json-fault.ts';
import { demandValid } from '../../server/http/schema-set.ts';
import { type TxnJson, txnRequest } from '../../server/http/store-json.ts';
import type { TxnRequest } from '../../types.ts';
import { usage } from './keys.ts';

const advice = 'See POST /v1/txn in docs/api.md for what it may have.';

/** A transaction as the HTTP API takes it, checked by the schema of that. */
export async function txnFromJson(text: string): Promise<TxnRequest> {
  const json = parsed(text);
  // It brings a validator along, which nobody else needs to wait for.
  const { loadApi } = await import('../../server/http/api.ts');
  const check = loadApi().operations.find(({ id }) => id === 'txn')?.body?.check;
  if (check === undefined) throw new TypeError('The API has no operation "txn" with a body.');
  try {
    demandShallow(json);
    demandValid(check, json, 'The transaction');
  } catch (error) {
    throw error instanceof KvError ? usage(error.message, advice) : error;
  }
  return txnRequest(json as TxnJson);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const { line, column, problem } = findJsonFault(text) ?? { line: 1, column: 1, problem: '' };
    throw usage(`The transaction is no JSON: line ${line}, column ${column}: ${problem}.`, advice);
  }
}
