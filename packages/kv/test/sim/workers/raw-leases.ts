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
import { decodeRareAnswer, encodeRareCall } from '../../../src/protocol/rare-calls.ts';
import { decodeResults } from '../../../src/protocol/results.ts';
import type { LeaseId, Operation } from '../../../src/types.ts';
import { type LeaseEvent } from '../../checks/leases.ts';
import type { Focus } from '../knobs.ts';
import type { Open } from '../records.ts';
import { type Desk, demandAllowed, draw, drawBelow, sleep } from './desk.ts';

const callTimeoutMs = 800;
const firstId = 1000;

/** A lease as the records have it. One that is granted again under its id is another one. */
interface RawLease {
  /** Names it in the records, and its key. */
  readonly name: number;
  readonly id: LeaseId;
  readonly ttl: number;
}

interface Caller {
  readonly desk: Desk;
  /** One for each member. */
  readonly clients: readonly TcpClient[];
}

/** What is done when the time of a lease is about to be over. */
type Ending = (caller: Caller, lease: RawLease) => Promise<RawLease | undefined>;

/**
 * Keeps leases alive by hand, by whatever member it comes upon, and falls silent then. Each lease
 * has one key, of its own, which a watcher or a read shows to be gone.
 */
export async function renewByHand(desk: Desk): Promise<void> {
  const { world, addresses, process, sockets } = desk;
  const clients = addresses.map((address) => new TcpClient(address, { runtime: process, sockets }));
  while (!world.isCalm) {
    await liveOnce({ desk, clients });
    await desk.rest();
  }
  await Promise.all(clients.map((client) => client.close()));
}

async function liveOnce(caller: Caller): Promise<void> {
  const { desk } = caller;
  const name = firstId + desk.records.tick();
  let lease: RawLease | undefined = { name, id: name, ttl: draw(desk, [1, 1, 2]) };
  if (!(await grant(caller, lease, []))) return;
  const count = draw(desk, [0, 2, 6, 15]);
  const ending = draw(desk, endings[desk.knobs.focus]);
  for (let at = 0; at < count && lease !== undefined && !desk.world.isCalm; at += 1) {
    if (drawBelow(desk, 3) === 0) await look(desk, lease);
    lease = await ending(caller, lease);
  }
}

async function renewEarly(caller: Caller, lease: RawLease): Promise<RawLease | undefined> {
  await sleep(caller.desk, 40 + drawBelow(caller.desk, 16) * 60);
  return (await renew(caller, lease)) ? lease : undefined;
}

/** At the last moment, when its end may be under way. */
async function renewLate(caller: Caller, lease: RawLease): Promise<RawLease | undefined> {
  await sleep(caller.desk, lease.ttl * (900 + drawBelow(caller.desk, 64) * 3));
  return (await renew(caller, lease)) ? lease : undefined;
}

/**
 * The leadership is on its way to another member when the lease ends. What the old leader makes of
 * that must not reach the lease once the new one has given it its time again.
 */
async function renewInHandOver(caller: Caller, lease: RawLease): Promise<RawLease | undefined> {
  const { desk } = caller;
  const leftMs = await timeLeft(caller, lease);
  const leadMs = 20 + drawBelow(desk, 16) * 8;
  const heldMs = leadMs + 30 + drawBelow(desk, 16) * 8;
  if (leftMs === undefined || !desk.setPieces.reserve(leftMs + heldMs)) {
    return renewEarly(caller, lease);
  }
  await sleep(desk, leftMs - leadMs);
  desk.setPieces.handOverLate({ heldMs, lateMs: 300 + drawBelow(desk, 16) * 75 });
  await sleep(desk, heldMs);
  // By now somebody else is to lead.
  for (let tries = 0; tries < 6 && !desk.world.isCalm; tries += 1) {
    await sleep(desk, 60);
    if (!(await renew(caller, lease))) return undefined;
  }
  return lease;
}

/** Renews at a leader that nobody else hears, until that finds out; and then no more. */
async function renewAtOldLeader(caller: Caller, lease: RawLease): Promise<RawLease | undefined> {
  const { desk } = caller;
  const { max = 600 } = desk.knobs.config.electionTimeoutMs ?? {};
  const at = desk.setPieces.reserve(3 * max)
    ? desk.setPieces.isolateLeader(2 * max + drawBelow(desk, 16) * 50)
    : undefined;
  if (at === undefined) return renewEarly(caller, lease);
  const askedMs = 25;
  for (let waited = 0; waited < max + 100; waited += askedMs) {
    // They are not waited for: the last one that is answered is the one that counts.
    void renew(caller, lease, at);
    await sleep(desk, askedMs);
  }
  await sleep(desk, lease.ttl * 1000);
  return undefined;
}

/** By the clock of the leader there is, in milliseconds. */
async function timeLeft({ desk, clients }: Caller, { id }: RawLease): Promise<number | undefined> {
  try {
    const call = encodeRareCall('leaseTimeToLive', { id, keys: false });
    const answer = await ask(anyOf(desk, clients), call);
    return 1000 * decodeRareAnswer('leaseTimeToLive', answer).remaining;
  } catch (error) {
    demandAllowed(desk, errorOf(error), ['KV_LEASE_NOT_FOUND']);
    return undefined;
  }
}

/** Revoked, and granted again under the same id, when its end may be in the log behind that. */
async function grantAgain(caller: Caller, lease: RawLease): Promise<RawLease | undefined> {
  const { desk } = caller;
  const { records, world } = desk;
  if (drawBelow(desk, 4) === 0) await renew(caller, lease);
  await sleep(desk, lease.ttl * 1000 - drawBelow(desk, 48));
  const again = { ...lease, name: firstId + records.tick() };
  records.leaseEvents.push({ type: 'revoke', lease: lease.name, calledAt: world.now });
  world.mark('granted again');
  const isThere = await grant(caller, again, [{ type: 'leaseRevoke', id: lease.id }]);
  return isThere ? again : undefined;
}

async function grant(
  { desk, clients }: Caller,
  lease: RawLease,
  before: readonly Operation[],
): Promise<boolean> {
  const { records, world, knobs } = desk;
  const { name, id, ttl } = lease;
  // By the fastest clock it has a little less of the world's time.
  const ttlMs = (ttl * 1000) / knobs.clock.fastest;
  const event: Open<Extract<LeaseEvent, { type: 'grant' }>> = {
    ...{ type: 'grant', lease: name, ttlMs, calledAt: world.now },
  };
  records.leaseEvents.push(event);
  const operations: Operation[] = [
    ...before,
    { type: 'leaseGrant', id, ttl },
    { type: 'put', key: keyOf(lease), value: Buffer.from(desk.name), lease: id },
  ];
  try {
    const call = encodeWrite(undefined, encodeCommand(operations));
    const results = decodeResults(await ask(anyOf(desk, clients), call));
    // What was to be revoked may be gone already.
    for (const result of results.slice(before.length)) {
      if (result.type === 'error') throw new KvError(result.code, result.message);
    }
    event.returnedAt = world.now;
    world.tell(`${desk.name} raw grant ${name} as ${id}`);
    return true;
  } catch (error) {
    demandAllowed(desk, errorOf(error));
    return false;
  }
}

/** @param at which member is asked; any by default. */
async function renew({ desk, clients }: Caller, lease: RawLease, at?: number): Promise<boolean> {
  const { records, world } = desk;
  const event: Open<Extract<LeaseEvent, { type: 'keepAlive' }>> = {
    ...{ type: 'keepAlive', lease: lease.name, calledAt: world.now },
  };
  records.leaseEvents.push(event);
  const client = at === undefined ? anyOf(desk, clients) : (clients[at] as TcpClient);
  try {
    const [seconds = 0] = decodeKeptAlive(await ask(client, encodeKeepAlive([lease.id])));
    event.isFound = seconds > 0;
    event.returnedAt = world.now;
    world.tell(`${desk.name} raw renewed ${lease.name} ${seconds}`);
    world.mark('renewed by hand');
    return event.isFound;
  } catch (error) {
    demandAllowed(desk, errorOf(error));
    return true;
  }
}

/** A linearizable read. */
async function look(desk: Desk, lease: RawLease): Promise<void> {
  const { client, records, world } = desk;
  const calledAt = world.now;
  try {
    const { kvs } = await client.read({ key: keyOf(lease) });
    const answered = { calledAt, returnedAt: world.now };
    records.leaseEvents.push({
      ...{ type: 'look', lease: lease.name, isThere: kvs.length > 0 },
      ...answered,
    });
  } catch (error) {
    demandAllowed(desk, error);
  }
}

function anyOf(desk: Desk, clients: readonly TcpClient[]): TcpClient {
  return clients[drawBelow(desk, clients.length)] as TcpClient;
}

function ask(client: TcpClient, call: Uint8Array): Promise<Uint8Array> {
  return client.channel(channelName).call(call, { timeoutMs: callTimeoutMs });
}

function keyOf({ name }: RawLease): Uint8Array {
  return Buffer.from(`raw-lease-${name}`);
}

const usual: readonly Ending[] = [renewEarly, renewEarly, renewLate, grantAgain];

const endings: Readonly<Record<Focus, readonly Ending[]>> = {
  all: usual,
  disks: usual,
  members: usual,
  leasesHandedOver: [renewInHandOver, renewInHandOver, renewInHandOver, grantAgain],
  leasesAtOldLeaders: [renewAtOldLeader, renewAtOldLeader, grantAgain],
};
