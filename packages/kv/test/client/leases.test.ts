import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClient, FakeWire, lost, watched } from './support/fake-wire.ts';
import { settle } from './support/test-runtime.ts';

const members = ['a:1', 'b:1', 'c:1'];

function leasing(ttl = 10): FakeWire {
  const wire = new FakeWire(members);
  let id = 100;
  wire.onWrite = async ({ operations }) =>
    operations.map((operation) => {
      if (operation.type === 'leaseRevoke') return { type: 'leaseRevoke', revision: 9, deleted: 0 };
      id += 1;
      return { type: 'leaseGrant', revision: 8, id, ttl };
    });
  wire.onKeepAlive = async (ids) => ids.map(() => ttl);
  return wire;
}

test('a lease is renewed at a third of its time', async () => {
  const wire = leasing();
  await using kv = new FakeClient(wire);
  const lease = await kv.grantLease(10);

  await kv.runtime.pass(3300);
  expect(wire.keptAlive).toHaveLength(0);
  await kv.runtime.pass(60);
  expect(wire.keptAlive.map(({ ids }) => ids)).toEqual([[lease.id]]);
  await kv.runtime.pass(60_000);

  expect(wire.keptAlive.length).toBeGreaterThan(17);
  expect(lease.signal.aborted).toBe(false);
});

test('all leases of a client are renewed by one call', async () => {
  const wire = leasing();
  await using kv = new FakeClient(wire);
  const leases = [await kv.grantLease(10)];
  await kv.runtime.pass(1000);
  leases.push(await kv.grantLease(10), await kv.grantLease(10));

  await kv.runtime.pass(3400);

  expect(wire.keptAlive).toHaveLength(1);
  expect(new Set(wire.keptAlive[0]?.ids)).toEqual(new Set(leases.map(({ id }) => id)));
});

test('a lease is given up before its time is over, counted from when the last call was sent', async () => {
  const wire = leasing();
  await using kv = new FakeClient(wire);
  const lease = await kv.grantLease(10);
  wire.onKeepAlive = async (ids) => {
    // It takes its time, and nothing of that counts.
    await new Promise<void>((resolve) => kv.runtime.setTimer(resolve, 1000));
    wire.onKeepAlive = async () => {
      throw lost();
    };
    return ids.map(() => 10);
  };
  await kv.runtime.pass(3334 + 8998);
  expect(lease.signal.aborted).toBe(false);
  expect(lease.remainingMs).toBeGreaterThan(0);

  await kv.runtime.pass(3);

  expect(lease.signal.aborted).toBe(true);
  expect(lease.signal.reason).toMatchObject({ code: 'KV_TIMEOUT' });
  expect(lease.remainingMs).toBe(0);
  const asked = wire.keptAlive.length;
  await kv.runtime.pass(60_000);
  expect(wire.keptAlive).toHaveLength(asked);
});

test('the time of a lease counts from before its grant was sent', async () => {
  const wire = leasing();
  const { onWrite } = wire;
  await using kv = new FakeClient(wire);
  wire.onWrite = async (write) => {
    await new Promise<void>((resolve) => kv.runtime.setTimer(resolve, 2000));
    return onWrite(write);
  };

  const granting = watched(kv.grantLease(10));
  await kv.runtime.pass(2000);

  expect(granting.answer?.remainingMs).toBe(7000);
});

test('a process that stood still knows at once that its lease is not sure', async () => {
  const wire = leasing();
  await using kv = new FakeClient(wire);
  const lease = await kv.grantLease(10);

  kv.runtime.standStill(20_000);

  expect(lease.remainingMs).toBe(0);
  await kv.runtime.pass(0);
  expect(lease.signal.aborted).toBe(true);
});

test('a lease that the store does not know any more is given up at once', async () => {
  const wire = leasing();
  await using kv = new FakeClient(wire);
  const gone = await kv.grantLease(10);
  const kept = await kv.grantLease(10);
  wire.onKeepAlive = async (ids) => ids.map((id) => (id === gone.id ? 0 : 10));

  await kv.runtime.pass(3400);

  expect(gone.signal.reason).toMatchObject({ code: 'KV_LEASE_NOT_FOUND' });
  expect(kept.signal.aborted).toBe(false);
});

test('a renewal that fails is tried again at another member, and no try takes all of the time', async () => {
  const wire = leasing();
  await using kv = new FakeClient(wire);
  const lease = await kv.grantLease(10);
  wire.onKeepAlive = async (ids) => {
    if (wire.keptAlive.length < 4) throw lost();
    return ids.map(() => 10);
  };

  await kv.runtime.pass(5000);

  expect(wire.keptAlive.length).toBe(4);
  expect(new Set(wire.keptAlive.map(({ member }) => member)).size).toBeGreaterThan(1);
  expect(lease.remainingMs).toBeGreaterThan(6000);
});

test('a revoked lease is not kept alive, and one that was gone already is no failure', async () => {
  const wire = leasing();
  await using kv = new FakeClient(wire);
  const lease = await kv.grantLease(10);
  await lease.revoke();
  expect(lease.signal.reason).toMatchObject({ code: 'KV_LEASE_NOT_FOUND' });
  await kv.runtime.pass(20_000);
  expect(wire.keptAlive).toHaveLength(0);

  wire.onWrite = async () => [{ type: 'error', code: 'KV_LEASE_NOT_FOUND', message: 'No.' }];
  await kv.revokeLease(5);
  await expect(kv.grantLease(10)).rejects.toMatchObject({ code: 'KV_LEASE_NOT_FOUND' });
});

test('a lease of somebody else is kept alive as well', async () => {
  const wire = leasing();
  await using kv = new FakeClient(wire);

  const lease = await kv.lease(77);
  expect(lease.ttlSeconds).toBe(10);
  expect(await kv.lease(77)).toBe(lease);
  await kv.runtime.pass(3400);
  expect(wire.keptAlive).toHaveLength(2);

  wire.onKeepAlive = async (ids) => ids.map(() => 0);
  await expect(kv.lease(78)).rejects.toMatchObject({ code: 'KV_LEASE_NOT_FOUND' });
});

test('closing the client ends its leases for this side, and leaves no timer', async () => {
  const wire = leasing();
  const kv = new FakeClient(wire, { maxLeases: 1 });
  const lease = await kv.grantLease(10);
  await expect(kv.grantLease(10)).rejects.toMatchObject({ code: 'KV_LIMIT' });

  await kv.close();
  await settle();

  expect(lease.signal.reason).toMatchObject({ code: 'KV_STOPPING' });
  expect(kv.runtime.timerCount).toBe(0);
});

/**
 * A store with a clock that is a twentieth quicker, and calls that are lost or late: what this side
 * believes must hold there. Counts when it did not.
 */
async function believe(
  steps: readonly { readonly passMs: number; readonly fate: 'lost' | 'late' | 'quick' }[],
): Promise<number> {
  const ttl = 3;
  let wrong = 0;
  const wire = leasing(ttl);
  await using kv = new FakeClient(wire);
  const { runtime } = kv;
  let expiresAt = Infinity;
  let fate: 'lost' | 'late' | 'quick' = 'quick';
  wire.onKeepAlive = async (ids) => {
    const mine = fate;
    if (mine === 'lost') throw lost();
    if (runtime.now() >= expiresAt) return ids.map(() => 0);
    expiresAt = runtime.now() + (ttl * 1000) / 1.05;
    if (mine === 'late') await new Promise<void>((done) => runtime.setTimer(done, 700));
    return ids.map(() => ttl);
  };
  expiresAt = runtime.now() + (ttl * 1000) / 1.05;
  const lease = await kv.grantLease(ttl);
  for (const step of steps) {
    ({ fate } = step);
    for (let passed = 0; passed < step.passMs; passed += 50) {
      await runtime.pass(50);
      const isBelieved = lease.remainingMs > 0 || !lease.signal.aborted;
      if (isBelieved && runtime.now() >= expiresAt) wrong += 1;
    }
  }
  return wrong;
}

test('a lease is never believed longer than the store keeps it', async () => {
  const step = fc.record({
    passMs: fc.integer({ min: 50, max: 2500 }),
    fate: fc.constantFrom('lost' as const, 'late' as const, 'quick' as const),
  });
  const histories = fc.array(step, { maxLength: 12 });
  const property = fc.asyncProperty(histories, async (steps) => {
    expect(await believe(steps)).toBe(0);
  });
  await fc.assert(property, { numRuns: 60 });
});
