import { expect, test } from 'vitest';
import { FakeClient, FakeWire, lost } from '../client/support/fake-wire.ts';

const members = ['a:1', 'b:1', 'c:1'];

/** Members that answer no keep-alive from now on. */
function fallSilent(wire: FakeWire): void {
  wire.onKeepAlive = async () => {
    throw lost();
  };
}

test('a lease that is taken over twice at once is one lease, and is lost by both', async () => {
  const wire = new FakeWire(members);
  await using kv = new FakeClient(wire);

  const [one, other] = await Promise.all([kv.lease(7), kv.lease(7)]);
  fallSilent(wire);
  await kv.runtime.pass(60_000);

  expect([one, other].map(({ signal }) => signal.aborted)).toEqual([true, true]);
});

test('who holds a lease that was granted anew under its id learns that it is over', async () => {
  const wire = new FakeWire(members);
  wire.onWrite = async () => [{ type: 'leaseGrant', revision: 8, id: 7, ttl: 10 }];
  await using kv = new FakeClient(wire);

  const former = await kv.grantLease(10, { id: 7 });
  const next = await kv.grantLease(10, { id: 7 });
  await kv.runtime.pass(60_000);

  expect(former.signal.reason).toMatchObject({ code: 'KV_LEASE_NOT_FOUND' });
  expect(next.signal.aborted).toBe(false);
});

test('leases that are taken over count as well', async () => {
  await using kv = new FakeClient(new FakeWire(members), { maxLeases: 1 });
  await kv.lease(7);

  await expect(kv.lease(8)).rejects.toMatchObject({ code: 'KV_LIMIT' });
  expect((await kv.lease(7)).id).toBe(7);
});
