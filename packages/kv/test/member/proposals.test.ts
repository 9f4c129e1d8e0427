import type { NodeInfo, RaftMetrics } from 'quorate';
import { expect, test } from 'vitest';
import { revocationsOf } from '../../src/server/member/proposals.ts';

const leases = [
  { id: 7, ttl: 5, grantedAt: 12 },
  { id: 8, ttl: 5, grantedAt: 13 },
];

/** The rest of a picture of the node is of no matter. */
function pictureOf(nodes: Readonly<Record<string, NodeInfo>>): Pick<RaftMetrics, 'membership'> {
  return { membership: { nodes } } as unknown as Pick<RaftMetrics, 'membership'>;
}

const newMember = { address: 'a:1', data: { client: 'tcp://a:1', commands: '2' } };
const laterMember = { address: 'b:1', data: { client: 'tcp://b:1', commands: '3' } };
const oldMember = { address: 'c:1', data: { client: 'tcp://c:1' } };
const unknownMember = { address: 'd:1' };

test('the end of leases says which grant it means', () => {
  const operations = revocationsOf(
    leases,
    pictureOf({ a: newMember, b: laterMember, d: unknownMember }),
  );

  expect(operations).toEqual([
    { type: 'leaseRevoke', id: 7, grantedAt: 12 },
    { type: 'leaseRevoke', id: 8, grantedAt: 13 },
  ]);
});

test('as long as a member cannot read that, the end of leases is as it was before', () => {
  const operations = revocationsOf(leases, pictureOf({ a: newMember, c: oldMember }));

  expect(operations).toEqual([
    { type: 'leaseRevoke', id: 7 },
    { type: 'leaseRevoke', id: 8 },
  ]);
});
