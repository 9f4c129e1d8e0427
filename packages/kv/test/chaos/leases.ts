import { KvClient, KvError } from '../../src/client.ts';
import type { HeldLease } from './journal.ts';
import { pause, rest, type Worker } from './workers.ts';

const ttls: readonly number[] = [1, 2, 3];

/**
 * Has leases that the client keeps alive, each with a key. As long as the client says that a lease
 * is sure, its key must be there; who watches everything looks at that when a key is deleted.
 */
export async function keepLeases(worker: Worker): Promise<void> {
  const { client, name, random, journal, over } = worker;
  while (!over.aborted) {
    const key = `lease-${journal.tick()}`;
    const what = { type: 'lease', key };
    await journal.attempt(name, what, async () => {
      const lease = await client.grantLease(random.pick(ttls));
      const held: HeldLease = { id: lease.id, sureMs: () => lease.remainingMs, isRevoked: false };
      await attach(worker, key, held);
      await pause(random.below(4000), over);
      // Every third one is kept alive as long as the client lives.
      if (random.chance(0.33)) return;
      held.isRevoked = true;
      await lease.revoke();
      journal.mark('leases revoked');
    });
    await rest(worker);
  }
}

/** Has leases of clients that fall silent soon. Their keys go by themselves, and not too early. */
export async function leaveLeases(worker: Worker): Promise<void> {
  const { servers, name, random, journal, over } = worker;
  while (!over.aborted) {
    const client = new KvClient({ servers });
    const key = `lease-${journal.tick()}`;
    await journal.attempt(name, { type: 'lease', key }, async () => {
      const lease = await client.grantLease(random.pick(ttls));
      let sureUntil = 0;
      const sureMs = (): number => Math.max(lease.remainingMs, sureUntil - performance.now());
      await attach({ ...worker, client }, key, { id: lease.id, sureMs, isRevoked: false });
      await pause(random.below(3000), over);
      sureUntil = performance.now() + lease.remainingMs;
      journal.mark('leases left alone');
    });
    await client.close();
    await rest(worker);
  }
}

/** @throws {KvError} what calls throw; but that the lease is gone only if it may be. */
async function attach({ client, name, journal }: Worker, key: string, held: HeldLease) {
  journal.leases.set(key, held);
  try {
    await client.put(key, name, { lease: held.id });
  } catch (error) {
    const isGone = error instanceof KvError && error.code === 'KV_LEASE_NOT_FOUND';
    if (!isGone || held.sureMs() > 0) throw error;
    const text = `Lease ${held.id} ended before its key was put, as it may.`;
    throw new KvError('KV_TIMEOUT', text, { cause: error });
  }
}
