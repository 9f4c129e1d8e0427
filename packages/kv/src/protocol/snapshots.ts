import { KvError } from '../errors.ts';
import { JsonFields } from './json-fields.ts';

/*
 * A snapshot goes over a channel of its own, as a stream: the bytes of a backup file
 * (docs/backup-format.md), cut anywhere. It is asked for with JSON: `{ "serializable" }`.
 */

/** Where a member hands out its whole state. */
export const snapshotChannelName = 'quorate.kv.snapshot';

export interface SnapshotRequest {
  /** What the member has, at once; it may be old. Otherwise all that was acknowledged is in it. */
  readonly serializable: boolean;
}

const mostRequestBytes = 1024;

export function encodeSnapshotRequest({ serializable }: SnapshotRequest): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ serializable }));
}

/** @throws {KvError} `KV_INVALID` */
export function decodeSnapshotRequest(bytes: Uint8Array): SnapshotRequest {
  const fields = new JsonFields(jsonFrom(bytes), 'The request');
  fields.only(['serializable']);
  return { serializable: fields.has('serializable') && fields.boolean('serializable') };
}

function jsonFrom(bytes: Uint8Array): unknown {
  try {
    if (bytes.length > mostRequestBytes) throw new Error(`It has ${bytes.length} bytes.`);
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new KvError('KV_INVALID', `This is no request for a snapshot: ${why}`, { cause });
  }
}
