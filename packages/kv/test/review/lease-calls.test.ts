import { expect, test } from 'vitest';
import { encodeCommand } from '../../src/protocol/commands.ts';
import { LeaseClock } from '../../src/server/leases/lease-clock.ts';
import { LeaseCalls, type LeaseCallsOptions } from '../../src/server/member/lease-calls.ts';
import { KvStore } from '../../src/store/store.ts';
import { VirtualRuntime } from '../leases/virtual-runtime.ts';

/** Lease calls of a member whose office and barriers are what the test says. */
function callsOf(office: { term: number | undefined }, barrier: () => Promise<void>): LeaseCalls {
  const store = new KvStore();
  store.apply(encodeCommand([{ type: 'leaseGrant', id: 7, ttl: 10 }]));
  const runtime = new VirtualRuntime();
  const clock = new LeaseClock({ store, runtime, revoke: async () => undefined });
  const leadership = {
    look: () => {
      if (office.term !== undefined) clock.lead();
      return office.term !== undefined;
    },
    get picture() {
      return { term: office.term, leader: undefined };
    },
  };
  const raft = { id: 'b', readBarrier: barrier };
  return new LeaseCalls({ store, clock, raft, leadership } as unknown as LeaseCallsOptions);
}

test('a keep-alive is acknowledged by the leader', async () => {
  const calls = callsOf({ term: 5 }, async () => undefined);

  expect(await calls.keepAliveHere([7, 8])).toEqual([10, 0]);
});

test('a keep-alive is not acknowledged after a barrier of the leader before', async () => {
  // The former leader answered the barrier, logged a revocation and died; this member took over.
  // The revocation is in its log and not applied yet.
  const office: { term: number | undefined } = { term: undefined };
  const calls = callsOf(office, async () => {
    office.term = 6;
  });

  await expect(calls.keepAliveHere([7])).rejects.toMatchObject({ code: 'KV_NO_LEADER' });
});

test('a keep-alive is not acknowledged if others may have led during its barrier', async () => {
  const office: { term: number | undefined } = { term: 5 };
  const calls = callsOf(office, async () => {
    office.term = 7;
  });

  await expect(calls.keepAliveHere([7])).rejects.toMatchObject({ code: 'KV_NO_LEADER' });
  office.term = 8;
  await expect(calls.timeToLiveHere(7, { keys: false })).rejects.toMatchObject({
    code: 'KV_NO_LEADER',
  });
});
