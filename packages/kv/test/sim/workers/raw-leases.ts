import { TcpClient } from 'quorate/network/tcp';
import { KvError } from '../../../src/client.ts';
import { encodeCommand } from '../../../src/protocol/commands.ts';
import { errorOf } from '../../../src/protocol/failures.ts';
import {
  channelName,
  decodeKeptAlive,
  encodeKeepAlive,
  encodeWrite,
} from '../../../src/protocol/messages.ts';
import { encodeRareCall } from '../../../src/protocol/rare-calls.ts';
import { decodeResults } from '../../../src/protocol/results.ts';
import type { LeaseId, Operation } from '../../../src/types.ts';
import { type LeaseEvent } from '../../checks/leases.ts';
import type { Open } from '../records.ts';
import { type Desk, demandAllowed, draw, drawBelow, sleep } from './desk.ts';

const callTimeoutMs = 800;
const firstId = 1000;

/**
 * Keeps leases alive by hand, by whatever member it comes upon, and falls silent then. Each lease
 * has one key, of its own, which a watcher or a read shows to be gone.
 */
export async function renewByHand(desk: Desk): Promise<void> {
  const { world, addresses, process, sockets } = desk;
  const clients = addresses.map((address) => new TcpClient(address, { runtime: process, sockets }));
  while (!world.isCalm) {
    await liveOnce(desk, clients);
    await desk.rest();
  }
  await Promise.all(clients.map((client) => client.close()));
}

async function liveOnce(desk: Desk, clients: readonly TcpClient[]): Promise<void> {
  const { records, world } = desk;
  const lease = firstId + records.tick();
  const ttl = draw(desk, [1, 1, 2]);
  if (!(await grant(desk, clients, { lease, ttl }))) return;
  const count = draw(desk, [0, 2, 6, 15]);
  // Some are renewed at the last moment, when their end may be under way.
  const isLate = drawBelow(desk, 3) === 2;
  for (let at = 0; at < count && !world.isCalm; at += 1) {
    if (isLate) await almostEnd(desk, clients, ttl);
    else await sleep(desk, 40 + drawBelow(desk, 16) * 60);
    if (drawBelow(desk, 3) === 0) await look(desk, lease);
    if (!(await renew(desk, clients, lease))) return;
  }
}

/** Now and then the leadership changes at the very moment at which the lease ends. */
async function almostEnd(desk: Desk, clients: readonly TcpClient[], ttl: number): Promise<void> {
  const { knobs, world } = desk;
  if (!knobs.faults['operation.transfer'] || drawBelow(desk, 2) === 0) {
    await sleep(desk, ttl * (900 + drawBelow(desk, 64) * 3));
    return;
  }
  await sleep(desk, ttl * 1000 - 30 + drawBelow(desk, 32));
  world.mark('transfer as a lease ends');
  // What comes of it is seen by what comes of the lease.
  ask(desk, clients, encodeRareCall('transferLeadership', {})).catch(() => undefined);
  await sleep(desk, drawBelow(desk, 32) * 2);
}

async function grant(
  desk: Desk,
  clients: readonly TcpClient[],
  { lease, ttl }: { readonly lease: LeaseId; readonly ttl: number },
): Promise<boolean> {
  const { records, world, knobs } = desk;
  // By the fastest clock it has a little less of the world's time.
  const ttlMs = (ttl * 1000) / knobs.clock.fastest;
  const event: Open<Extract<LeaseEvent, { type: 'grant' }>> = {
    ...{ type: 'grant', lease, ttlMs, calledAt: world.now },
  };
  records.leaseEvents.push(event);
  const operations: Operation[] = [
    { type: 'leaseGrant', id: lease, ttl },
    { type: 'put', key: keyOf(lease), value: Buffer.from(desk.name), lease },
  ];
  try {
    const call = encodeWrite(undefined, encodeCommand(operations));
    for (const result of decodeResults(await ask(desk, clients, call))) {
      if (result.type === 'error') throw new KvError(result.code, result.message);
    }
    event.returnedAt = world.now;
    world.tell(`${desk.name} raw grant ${lease}`);
    return true;
  } catch (error) {
    demandAllowed(desk, errorOf(error));
    return false;
  }
}

async function renew(desk: Desk, clients: readonly TcpClient[], lease: LeaseId): Promise<boolean> {
  const { records, world } = desk;
  const event: Open<Extract<LeaseEvent, { type: 'keepAlive' }>> = {
    ...{ type: 'keepAlive', lease, calledAt: world.now },
  };
  records.leaseEvents.push(event);
  try {
    const [seconds = 0] = decodeKeptAlive(await ask(desk, clients, encodeKeepAlive([lease])));
    event.isFound = seconds > 0;
    event.returnedAt = world.now;
    world.tell(`${desk.name} raw renewed ${lease} ${seconds}`);
    world.mark('renewed by hand');
    return event.isFound;
  } catch (error) {
    demandAllowed(desk, errorOf(error));
    return true;
  }
}

/** A linearizable read. */
async function look(desk: Desk, lease: LeaseId): Promise<void> {
  const { client, records, world } = desk;
  const calledAt = world.now;
  try {
    const { kvs } = await client.read({ key: keyOf(lease) });
    const answered = { calledAt, returnedAt: world.now };
    records.leaseEvents.push({ type: 'look', lease, isThere: kvs.length > 0, ...answered });
  } catch (error) {
    demandAllowed(desk, error);
  }
}

function ask(desk: Desk, clients: readonly TcpClient[], call: Uint8Array): Promise<Uint8Array> {
  const client = clients[drawBelow(desk, clients.length)] as TcpClient;
  return client.channel(channelName).call(call, { timeoutMs: callTimeoutMs });
}

function keyOf(lease: LeaseId): Uint8Array {
  return Buffer.from(`raw-lease-${lease}`);
}
