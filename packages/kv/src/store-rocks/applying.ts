import { byteString } from '../bytes.ts';
import { KvError } from '../errors.ts';
import { visitCommand } from '../protocol/commands.ts';
import { putRequestAt } from '../protocol/operations.ts';
import { ResultsWriter } from '../protocol/results.ts';
import { mostResultBytes } from '../store/answer-size.ts';
import { hashOf } from '../store/digest.ts';
import { isOneKey } from '../store/key-span.ts';
import { checkRevision, compacted, leaseExists, leaseNotFound } from '../store/refusals.ts';
import type {
  CompactResponse,
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseId,
  LeaseRevokeRequest,
  LeaseRevokeResponse,
  Operation,
  Result,
  Revision,
} from '../types.ts';
import type { Draft } from './draft.ts';
import { deleteRange, keysOf, putIn, runTxn } from './transactions.ts';

/** What commands did beside their results. */
export interface Told {
  /** Leases that were granted or revoked, in order. */
  readonly leases: LeaseId[];
  /** The hash at each operation `mark`. */
  readonly marks: { readonly revision: Revision; readonly hash: string; readonly index: number }[];
}

/** A put without options, which nearly all operations are. */
interface PlainPut {
  readonly type: 'plainPut';
  readonly key: string;
  readonly keyHash: number;
  readonly value: Uint8Array;
}

/** A command, read. */
export interface ReadCommand {
  readonly index: number;
  readonly operations: readonly (Operation | PlainPut)[];
  /** Why it breaks off after them, if it does. */
  readonly fault: unknown;
}

/** Reads a command; what is wrong with it is found when its operations were applied. */
export function readCommand(command: Uint8Array, index: number): ReadCommand {
  const operations: (Operation | PlainPut)[] = [];
  let fault: unknown;
  try {
    visitCommand(command, {
      put(bytes, at) {
        const { flags, keyAt, keyEnd, valueEnd } = at;
        if (flags !== 0) operations.push({ type: 'put', ...putRequestAt(bytes, at) });
        else {
          const key = bytes.toString('latin1', keyAt, keyEnd);
          const keyHash = hashOf(bytes.subarray(keyAt, keyEnd));
          const value = bytes.subarray(keyEnd, valueEnd);
          operations.push({ type: 'plainPut', key, keyHash, value });
        }
      },
      other: (operation) => operations.push(operation),
    });
  } catch (error) {
    fault = error;
  }
  return { index, operations, fault };
}

/** The single keys that a command has to do with, so that they can be read together. */
export function* keysIn({ operations }: ReadCommand): Generator<string> {
  for (const operation of operations) {
    if (operation.type === 'plainPut') yield operation.key;
    else if (operation.type === 'put') yield byteString(operation.key);
    else if (operation.type === 'delete' && isOneKey(operation)) yield byteString(operation.key);
    else if (operation.type === 'txn') yield* keysOf(operation);
  }
}

/**
 * Applies the operations of a command, each by itself, and returns their results, as
 * `KvStore.apply` does.
 */
export async function applyCommand(
  draft: Draft,
  { index, operations, fault }: ReadCommand,
  told: Told,
): Promise<Uint8Array> {
  const results = new ResultsWriter();
  for (const operation of operations) {
    if (operation.type === 'plainPut') results.put(putPlain(draft, operation));
    else {
      const room = mostResultBytes - results.byteLength;
      results.add(await new Applying(draft, { index, room, told }).resultOf(operation));
    }
  }
  if (fault !== undefined) results.add(failureOf(fault));
  return results.finish();
}

function putPlain(draft: Draft, { key, keyHash, value }: PlainPut): Revision {
  const slot = draft.slot(key);
  if (slot === undefined) throw new Error('The keys of a command must be loaded before.');
  // A copy, so that the command's memory can go.
  draft.put(key, slot, { value: Buffer.from(value), lease: 0, keyHash });
  return draft.commit();
}

/** One operation that is more than a plain put. */
class Applying {
  readonly #draft: Draft;
  readonly #index: number;
  readonly #room: number;
  readonly #told: Told;

  constructor(draft: Draft, how: { index: number; room: number; told: Told }) {
    this.#draft = draft;
    this.#index = how.index;
    this.#room = how.room;
    this.#told = how.told;
  }

  async resultOf(operation: Operation): Promise<Result> {
    try {
      return await this.#run(operation);
    } catch (error) {
      return failureOf(error);
    }
  }

  async #run(operation: Operation): Promise<Result> {
    const draft = this.#draft;
    switch (operation.type) {
      case 'put':
        return { type: 'put', ...this.#committed(await putIn(draft, operation, this.#room)) };
      case 'delete':
        return {
          type: 'delete',
          ...this.#committed(await deleteRange(draft, operation, this.#room)),
        };
      case 'txn':
        return { type: 'txn', ...this.#committed(await runTxn(draft, operation, this.#room)) };
      case 'compact':
        return { type: 'compact', ...this.#compact(operation.revision) };
      case 'leaseGrant':
        return { type: 'leaseGrant', ...this.#grant(operation) };
      case 'leaseRevoke':
        return { type: 'leaseRevoke', ...(await this.#revoke(operation)) };
      case 'mark': {
        const { revision } = draft;
        this.#told.marks.push({ revision, hash: draft.hash(), index: this.#index });
        return { type: 'mark', revision };
      }
    }
  }

  #committed<Response>(response: Response): Response {
    this.#draft.commit();
    return response;
  }

  #compact(revision: Revision): CompactResponse {
    const draft = this.#draft;
    checkRevision(draft, revision);
    const { compactedRevision } = draft;
    if (revision <= compactedRevision) throw compacted(revision, compactedRevision);
    draft.compact(revision);
    return { revision: draft.revision };
  }

  #grant({ id = 0, ttl }: LeaseGrantRequest): LeaseGrantResponse {
    const { leases, revision } = this.#draft;
    if (leases.get(id) !== undefined) throw leaseExists(id);
    const chosen = id === 0 ? leases.chooseId() : id;
    leases.add({ id: chosen, ttl, grantedAt: this.#index });
    this.#told.leases.push(chosen);
    return { revision, id: chosen, ttl };
  }

  /** One that was granted anew under the id is another lease than was meant. */
  async #revoke({
    id,
    grantedAt = 0,
  }: LeaseRevokeRequest & { grantedAt?: number }): Promise<LeaseRevokeResponse> {
    const draft = this.#draft;
    const lease = draft.leases.get(id);
    const isAnother = grantedAt !== 0 && lease?.grantedAt !== 0 && lease?.grantedAt !== grantedAt;
    if (lease === undefined || isAnother) throw leaseNotFound(id);
    const attached = await draft.attachedTo(id);
    await draft.load(attached);
    for (const key of attached) draft.delete(key, await draft.slotOf(key));
    draft.leases.remove(lease);
    this.#told.leases.push(id);
    return { revision: draft.commit(), deleted: attached.length };
  }
}

/** What an operation cannot do is a result; anything else that is thrown is our bug. */
function failureOf(error: unknown): Result {
  if (!(error instanceof KvError)) throw error;
  return { type: 'error', code: error.code, message: error.message };
}
