import type {
  IdentifyResponse,
  JoinRequest,
  LeaveRequest,
  MembersResponse,
  Remembered,
} from '../../contract/network.ts';
import { Fields } from './fields.ts';
import { readEffectiveMembership, readIdentity, readNodeInfo } from './shapes.ts';

/*
 * The questions and answers about who is who and who takes part, read from JSON and checked field
 * by field. They are written to JSON as they are.
 */

export function readIdentifyResponse(value: unknown, path: string): IdentifyResponse {
  const fields = new Fields(value, path);
  return {
    identity: fields.nested('identity', readIdentity),
    leader: fields.has('leader') ? fields.string('leader') : undefined,
    ...(fields.has('membership')
      ? { membership: fields.nested('membership', readEffectiveMembership) }
      : {}),
    ...(fields.has('remembers') ? { remembers: fields.nested('remembers', readRemembered) } : {}),
    ...(fields.has('applied') ? { applied: fields.count('applied') } : {}),
  };
}

export function readJoinRequest(value: unknown, path: string): JoinRequest {
  const fields = new Fields(value, path);
  return {
    id: fields.string('id'),
    info: fields.nested('info', readNodeInfo),
    incarnation: fields.string('incarnation'),
    voter: fields.boolean('voter'),
  };
}

export function readLeaveRequest(value: unknown, path: string): LeaveRequest {
  return { id: new Fields(value, path).string('id') };
}

export function readMembersResponse(value: unknown, path: string): MembersResponse {
  return { membership: new Fields(value, path).nested('membership', readEffectiveMembership) };
}

function readRemembered(value: unknown, path: string): Remembered {
  const fields = new Fields(value, path);
  return {
    incarnation: fields.string('incarnation'),
    starts: fields.count('starts'),
    acknowledged: fields.count('acknowledged'),
  };
}
