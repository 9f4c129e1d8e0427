import type { Entry, LogId, LogIndex, Membership, Term } from '../../core/types.ts';

export function memberEntry(term: Term, index: LogIndex, voters: readonly string[][]): Entry {
  const payload = { type: 'membership', membership: membershipOf(voters) } as const;
  return { logId: { term, index }, payload };
}

export function membershipOf(voters: readonly string[][]): Membership {
  const nodes = Object.fromEntries(voters.flat().map((id) => [id, {}]));
  return { cluster: 'cluster-1', voters, nodes };
}

export function commandEntry(term: Term, index: LogIndex, command = 'x'): Entry {
  const data = { bytes: Buffer.from(JSON.stringify(command)), value: undefined };
  return { logId: { term, index }, payload: { type: 'command', data } };
}

export function at(term: Term, index: LogIndex): LogId {
  return { term, index };
}
