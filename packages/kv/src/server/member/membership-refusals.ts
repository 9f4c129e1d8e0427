import type { Membership, NodeId, RaftMetrics } from 'quorate';
import { KvError } from '../../errors.ts';
import { formerNames } from './membership-data.ts';

/* What is wrong with a change of the members, and what to do instead. */

export function usedNameMessage(id: NodeId): string {
  return `The name ${id} was a member's that has left, and a name never comes back: votes that were given under it could count twice. Choose a new name, and start that member with an empty directory.`;
}

export function unknownMember(id: NodeId, membership: Membership): KvError {
  if (formerNames(membership).includes(id)) {
    const message = `${id} has left the cluster, and its name never comes back. Add a member with a new name.`;
    return new KvError('KV_MEMBER_NOT_FOUND', message, { details: { member: id } });
  }
  const members = Object.keys(membership.nodes);
  const message = `There is no member ${id}; the members are ${members.join(', ')}.`;
  return new KvError('KV_MEMBER_NOT_FOUND', message, { details: { member: id, members } });
}

/**
 * Who was removed, or is not trusted by the others, may wait for a leader for ever: a caller is
 * better off at another member.
 *
 * @throws {KvError} `KV_NO_LEADER`
 */
export function demandPlace({
  id,
  leader,
  quarantine,
  membership,
}: Pick<RaftMetrics, 'id' | 'leader' | 'quarantine' | 'membership'>): void {
  if (leader !== undefined) return;
  if (quarantine !== undefined) throw new KvError('KV_NO_LEADER', quarantine);
  if (membership.cluster === '' || Object.hasOwn(membership.nodes, id)) return;
  const message = `${id} is no member of the cluster, or none yet, and hears of no leader. Ask another member.`;
  throw new KvError('KV_NO_LEADER', message);
}

export function refused(message: string): KvError {
  return new KvError('KV_MEMBERSHIP', message);
}

export function movedMessage(id: NodeId, known: string): string {
  return `${id} is a member already, at ${known}. To move it, start it there with its own directory and --join; for another disk choose a new name.`;
}

export function noMajorityMessage(
  {
    leaving,
    coming,
  }: { readonly leaving?: NodeId | undefined; readonly coming?: NodeId | undefined },
  { next, silent }: { readonly next: readonly NodeId[]; readonly silent: readonly NodeId[] },
): string {
  const needed = Math.floor(next.length / 2) + 1;
  const answered = next.length - silent.length;
  const who = silent.join(', ');
  const place = leaving === undefined ? '' : ` in the place of ${leaving}`;
  const how = coming === undefined ? `Without ${leaving}` : `With ${coming}${place}`;
  // Only who is taken away can be taken away by force.
  const instead =
    coming === undefined ? `, or let ${who} go instead; by force it is done all the same` : '';
  return `${how} the voters would be ${next.join(', ')}, of whom only ${answered} answered just now, and ${needed} are needed to write anything. Start ${who} first${instead}.`;
}

/** @throws {KvError} if no member can be called so. */
export function checkMemberName(what: string, id: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(id)) return;
  const wanted = 'a name of up to 64 letters, digits, ".", "_" and "-"';
  throw new KvError('KV_INVALID', `${what} must be ${wanted}; it is ${shown(id)}.`);
}

/** @throws {KvError} if nobody can dial it. */
export function checkMemberAddress(address: string): void {
  const [, digits = '0'] =
    /^(?:\[[0-9a-fA-F:.]+\]|[^[\]:/?#@\s,]{1,255}):(\d{1,5})$/.exec(address) ?? [];
  if (Number(digits) >= 1 && Number(digits) <= 65_535) return;
  const message = `The address must be HOST:PORT, as 10.0.0.1:7001; it is ${shown(address)}.`;
  throw new KvError('KV_INVALID', message);
}

function shown(text: unknown): string {
  const json = JSON.stringify(text) ?? typeof text;
  return json.length <= 80 ? json : `${json.slice(0, 80)}...`;
}
