import type {
  MemberAddRequest,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MemberStatus,
  MembershipChange,
} from '../types.ts';
import { JsonFields } from './json-fields.ts';

/* What is asked and answered about the members. Each throws a `KvError` if it is not so. */

export function memberAddFrom(params: JsonFields): MemberAddRequest {
  params.only(['id', 'address', 'voter']);
  const id = params.string('id');
  const address = params.string('address');
  return { id, address, ...(params.has('voter') ? { voter: params.boolean('voter') } : {}) };
}

export function memberPromoteFrom(params: JsonFields): MemberPromoteRequest {
  params.only(['id', 'insteadOf']);
  const instead = params.has('insteadOf') ? { insteadOf: params.string('insteadOf') } : {};
  return { id: params.string('id'), ...instead };
}

export function memberRemoveFrom(params: JsonFields): MemberRemoveRequest {
  params.only(['id', 'force']);
  const force = params.has('force') ? { force: params.boolean('force') } : {};
  return { id: params.string('id'), ...force };
}

/** What is not known of a member is left to those who know it. */
export function membershipChangeFrom(fields: JsonFields): MembershipChange {
  const members = fields.list('members', (value, path) => {
    new JsonFields(value, path, 'KV_INTERNAL').string('id');
    return value as MemberStatus;
  });
  return { changed: fields.boolean('changed'), members };
}
