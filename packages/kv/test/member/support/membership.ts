import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect } from 'vitest';
import { KvError } from '../../../src/errors.ts';
import type { KvMember } from '../../../src/server/member.ts';
import type { MembershipChange } from '../../../src/types.ts';
import { patience } from './member-cluster.ts';

/** As clients do: on a busy machine a leader may lose its office in the midst of a change. */
export async function done<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  const { signal } = patience();
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof KvError) || error.kind.retry === 'no') throw error;
      signal.throwIfAborted();
    }
  }
}

export function containing(text: string): unknown {
  return expect.stringContaining(text) as unknown;
}

export function rolesOf({ members }: Pick<MembershipChange, 'members'>): Record<string, string> {
  return Object.fromEntries(members.map(({ id, role }) => [id, role]));
}

export function votersOf({ raft }: KvMember): readonly string[] {
  return [...(raft.metrics.membership.voters[0] ?? [])].sort();
}

/** Where nobody listens just now. */
export async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  await once(server.close(), 'close');
  return `127.0.0.1:${port}`;
}
