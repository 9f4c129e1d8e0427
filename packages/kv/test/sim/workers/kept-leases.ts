import { KvError } from '../../../src/client.ts';
import type { KeptLease } from '../records.ts';
import { KvViolation } from '../violation.ts';
import { type Desk, demandAllowed, draw, drawBelow } from './desk.ts';

/**
 * Has leases that the client keeps alive, each with a key. As long as the client says that a lease
 * is sure, its key must be there; the world looks at that when a key is deleted.
 */
export async function keepLeases(desk: Desk): Promise<void> {
  const { world } = desk;
  while (!world.isCalm) {
    await liveOnce(desk);
    await desk.rest();
  }
}

async function liveOnce(desk: Desk): Promise<void> {
  const { client, records, name, world } = desk;
  const key = `lease-${records.tick()}`;
  try {
    const lease = await client.grantLease(draw(desk, [1, 1, 2]));
    world.tell(`${name} granted ${lease.id}`);
    const kept: KeptLease = {
      ...{ key, id: lease.id, isRevoked: false },
      sureMs: () => lease.remainingMs,
    };
    records.keptLeases.set(key, kept);
    await attach(desk, kept);
    const stays = draw(desk, [0, 1, 5, 20]);
    for (let rests = 0; rests < stays && !world.isCalm && lease.remainingMs > 0; rests += 1) {
      await desk.rest();
    }
    if (drawBelow(desk, 3) === 0) return; // It is kept alive as long as the client lives.
    kept.isRevoked = true;
    await lease.revoke();
    world.mark('lease revoked');
  } catch (error) {
    demandAllowed(desk, error);
  }
}

async function attach({ client, records, name }: Desk, kept: KeptLease): Promise<void> {
  const heard = records.heard;
  try {
    const { revision } = await client.put(kept.key, name, { lease: kept.id });
    records.hear(`${name} (a put with a lease)`, revision, { atLeast: heard });
  } catch (error) {
    if (!(error instanceof KvError) || error.code !== 'KV_LEASE_NOT_FOUND') throw error;
    if (kept.sureMs() <= 0) return;
    const text = `Lease ${kept.id} is gone, and was sure for ${Math.round(kept.sureMs())} ms more.`;
    throw new KvViolation('lease', text, { cause: error });
  }
}
