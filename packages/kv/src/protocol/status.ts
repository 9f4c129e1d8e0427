import type { KvStatus } from '../types.ts';
import { JsonFields } from './json-fields.ts';

/**
 * What a client goes by is looked at; the rest is for people.
 *
 * @throws {KvError} `KV_INTERNAL`
 */
export function statusFrom(value: unknown): KvStatus {
  const fields = new JsonFields(value, 'status', 'KV_INTERNAL');
  fields.string('member');
  fields.whole('revision');
  fields.list('problems', String);
  fields.list('members', (member, path) => {
    const one = new JsonFields(member, path, 'KV_INTERNAL');
    one.string('id');
    if (one.has('clientAddress')) one.string('clientAddress');
    if (one.has('httpAddress')) one.string('httpAddress');
  });
  if (fields.has('leader')) fields.string('leader');
  // A member of an older version has none.
  if (!fields.has('alerts')) return { ...(value as KvStatus), alerts: [] };
  fields.list('alerts', (alert, path) => {
    const one = new JsonFields(alert, path, 'KV_INTERNAL');
    for (const name of ['code', 'severity', 'member', 'message', 'advice']) one.string(name);
  });
  return value as KvStatus;
}
