import { nodeRuntime } from 'quorate';
import { expect, test } from 'vitest';
import type { Leadership } from '../../src/server/member/leadership.ts';
import type { MemberCalls } from '../../src/server/member/member-calls.ts';
import { MembershipCalls } from '../../src/server/member/membership.ts';
import { formerNames } from '../../src/server/member/membership-data.ts';
import type { KvMember } from '../../src/server/member.ts';
import { MemberCluster, patience, put, until } from './support/member-cluster.ts';
import { containing, done, freeAddress, votersOf } from './support/membership.ts';

// Changes of the members at whose side something else happens at a bad moment.

/** The calls of a leader whose questions to the others are answered when the test says so. */
function heldCalls({ raft }: KvMember): {
  readonly membership: MembershipCalls;
  readonly isAsked: () => boolean;
  readonly answer: () => void;
} {
  const { promise, resolve } = Promise.withResolvers<object>();
  let isAsked = false;
  const calls = {
    ask: () => {
      isAsked = true;
      return promise;
    },
  } as unknown as MemberCalls;
  const leadership = undefined as unknown as Leadership; // It is asked of others' calls only.
  const options = { raft, runtime: nodeRuntime, leadership, calls, scheme: 'tcp' } as const;
  const membership = new MembershipCalls(options);
  return { membership, isAsked: () => isAsked, answer: () => resolve({}) };
}

test('a name that leaves while another leaves is not forgotten with it', async () => {
  await using cluster = await MemberCluster.start(['a', 'b', 'c']);
  const leader = await cluster.leader();
  const [old] = await cluster.followers();
  const id = old?.name ?? '';
  const { service } = leader;
  await done(() => service.memberAdd({ id: 'x', address: '127.0.0.1:1' }, patience()));
  const held = heldCalls(leader);

  const removing = held.membership.removeHere({ id }, patience());
  await until('the others are asked', held.isAsked);
  await done(() => service.memberRemove({ id: 'x' }, patience()));
  held.answer();
  await removing;

  const { membership } = leader.raft.metrics;
  expect(Object.keys(membership.nodes)).not.toContain(id);
  expect([...formerNames(membership)].sort()).toEqual([id, 'x'].sort());
  const back = done(() => service.memberAdd({ id: 'x', address: '127.0.0.1:1' }, patience()));
  await expect(back).rejects.toMatchObject({ code: 'KV_MEMBERSHIP' });
});

test('a learner that ended a moment ago gets no vote that the others would wait for', async () => {
  // So long, the node takes it for one that answers.
  const config = { heartbeatMs: 100, electionTimeoutMs: { min: 1500, max: 3000 } };
  await using cluster = await MemberCluster.start(['a'], { config });
  const { service } = await cluster.leader();
  const address = await freeAddress();
  await done(() => service.memberAdd({ id: 'd', address }, patience()));
  const port = Number(address.split(':')[1]);
  const join = [cluster.member('a').address];
  const d = await cluster.startOne('d', { join, listen: { port }, ...patience() });
  await d.ready(patience());
  await put(service, 'k', 'v');

  await cluster.close('d');
  const promoted = done(() => service.memberPromote({ id: 'd' }, patience()));

  await expect(promoted).rejects.toMatchObject({
    code: 'KV_MEMBERSHIP',
    message: containing('With d the voters would be a, d, of whom only 1 answered just now'),
  });
  expect(votersOf(cluster.member('a'))).toEqual(['a']);
  await put(service, 'k', 'later');
});
