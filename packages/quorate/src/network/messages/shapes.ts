import type { CallOptions } from '../../contract/network.ts';
import type {
  EffectiveMembership,
  Entry,
  Identity,
  LogId,
  Membership,
  NodeInfo,
  Payload,
  SnapshotMeta,
} from '../../core/types.ts';
import { Fields, readList, readString } from './fields.ts';

/*
 * The parts that messages are made of, read from JSON and checked field by field. JSON has them as
 * they are in memory, except that bytes are base64.
 */

export function readLogId(value: unknown, path: string): LogId {
  const fields = new Fields(value, path);
  return { term: fields.count('term'), index: fields.count('index') };
}

export function readEntry(value: unknown, path: string): Entry {
  const fields = new Fields(value, path);
  return {
    logId: fields.nested('logId', readLogId),
    payload: fields.nested('payload', readPayload),
  };
}

/** An entry as JSON has it. A decoded value does not travel: every node decodes for itself. */
export function entryToJson({ logId, payload }: Entry): unknown {
  switch (payload.type) {
    case 'command': {
      const { bytes, raw, session } = payload.data;
      return { logId, payload: { type: 'command', bytes: toBase64(bytes), raw, session } };
    }
    case 'session':
      return { logId, payload: { type: 'session', bytes: toBase64(payload.data) } };
    case 'membership':
    case 'blank':
      return { logId, payload };
  }
}

function readPayload(value: unknown, path: string): Payload {
  const fields = new Fields(value, path);
  const type = fields.oneOf('type', ['blank', 'command', 'membership', 'session']);
  switch (type) {
    case 'blank':
      return { type };
    case 'command':
      return {
        type,
        data: {
          bytes: fields.bytes('bytes'),
          value: undefined,
          ...(fields.has('raw') && fields.boolean('raw') ? { raw: true as const } : {}),
          ...readOptionalSession(fields),
        },
      };
    case 'membership':
      return { type, membership: fields.nested('membership', readMembership) };
    case 'session':
      return { type, data: fields.bytes('bytes') };
  }
}

/** The session that a command or a forwarded write may belong to. */
export function readOptionalSession(fields: Fields): {
  session?: { id: number; sequence: number };
} {
  if (!fields.has('session')) return {};
  return {
    session: fields.nested('session', (value, path) => {
      const session = new Fields(value, path);
      return { id: session.count('id'), sequence: session.count('sequence') };
    }),
  };
}

export function readSnapshotMeta(value: unknown, path: string): SnapshotMeta {
  const fields = new Fields(value, path);
  return {
    id: fields.string('id'),
    lastLogId: fields.nested('lastLogId', readLogId),
    membership: fields.nested('membership', readEffectiveMembership),
  };
}

export function readEffectiveMembership(value: unknown, path: string): EffectiveMembership {
  const logId = new Fields(value, path).nested('logId', readLogId);
  return { ...readMembership(value, path), logId };
}

export function readMembership(value: unknown, path: string): Membership {
  const fields = new Fields(value, path);
  return {
    cluster: fields.string('cluster'),
    voters: fields.list('voters', (ids, where) => readList(ids, where, readString)),
    nodes: fields.record('nodes', readNode),
    ...(fields.has('leaving') ? { leaving: fields.list('leaving', readString) } : {}),
    ...(fields.has('recoveredFrom') ? { recoveredFrom: fields.string('recoveredFrom') } : {}),
  };
}

function readNode(value: unknown, path: string): NodeInfo & { incarnation?: string } {
  const fields = new Fields(value, path);
  const incarnation = fields.has('incarnation')
    ? { incarnation: fields.string('incarnation') }
    : {};
  return { ...readNodeInfo(value, path), ...incarnation };
}

export function readNodeInfo(value: unknown, path: string): NodeInfo {
  const fields = new Fields(value, path);
  return {
    ...(fields.has('address') ? { address: fields.string('address') } : {}),
    ...(fields.has('data') ? { data: fields.record('data', readString) } : {}),
  };
}

export function readIdentity(value: unknown, path: string): Identity {
  const fields = new Fields(value, path);
  return {
    cluster: fields.has('cluster') ? fields.string('cluster') : undefined,
    node: fields.string('node'),
    incarnation: fields.string('incarnation'),
    starts: fields.count('starts'),
    ...(fields.has('formerly') ? { formerly: fields.list('formerly', readString) } : {}),
    ...(fields.has('run') ? { run: fields.string('run') } : {}),
  };
}

export function readTarget(value: unknown, path: string): NonNullable<CallOptions['to']> {
  const fields = new Fields(value, path);
  const incarnation = fields.has('incarnation')
    ? { incarnation: fields.string('incarnation') }
    : {};
  return { node: fields.string('node'), ...incarnation };
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
