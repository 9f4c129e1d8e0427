import { bytesOf } from '../../src/bytes.ts';
import { Counter, KvClient } from '../../src/client.ts';
import { encodeCommand } from '../../src/protocol/commands.ts';
import { readList } from '../model/list-client.ts';
import type { SimMember } from './member.ts';
import { heal } from './nemesis.ts';
import { KvProcess } from './process.ts';
import { troubled } from './trouble.ts';
import type { FinalState } from './verdict.ts';
import { KvViolation } from './violation.ts';
import { counterNames } from './workers/counters.ts';
import { listNames } from './workers/lists.ts';
import type { KvWorld } from './world.ts';

/** Elections, calls that time out, streams that are found to be silent: each takes seconds. */
const settleMs = 60_000;
const finalTimeoutMs = 20_000;
/** How often something is written so that the members compare their states. */
const pokeMs = 1000;

/**
 * The last phase: nothing is wrong any more, all members live, and everything must come to its end:
 * each call, each watch, each lease that nobody keeps alive; and all members must be the same.
 * Returns what is there then, or `undefined` if the run has failed.
 */
export async function calmDown(world: KvWorld): Promise<FinalState | undefined> {
  world.tell('calm');
  world.isCalm = true;
  heal(world);
  const clients = [...world.clients.values()];
  const isFinished = (): boolean =>
    clients.every(({ isAlive, working }) => !isAlive || working === 0);
  if (!(await world.run(settleMs, isFinished))) {
    const who = clients.filter(({ isAlive, working }) => isAlive && working > 0);
    const names = who.map(({ name, working }) => `${name} (${working})`).join(', ');
    return fail(world, `Calls of ${names} have not ended ${settleMs} ms after all was well`);
  }
  if (!(await endTrouble(world))) return fail(world, `${troubleOf(world)} has not ended`);
  const end = await readEnd(world);
  if (end === undefined) return undefined;
  await closeClients(world);
  const members = [...world.members.values()];
  const isAlike = (): boolean =>
    new Set(members.map(({ member }) => member?.service.hash().hash ?? '')).size === 1;
  const isAtRest = (): boolean =>
    members.every(({ member }) => member?.isReady === true && member.store.leaseCount === 0);
  if (!(await world.run(settleMs, () => isAtRest() && isAlike()))) {
    const states = members.map(({ name, member }) => {
      const { revision, hash } = member?.service.hash() ?? {};
      const leases = member?.store.leaseCount;
      return `${name}: revision ${revision} ${hash}, ${leases} leases, ready ${member?.isReady}`;
    });
    return fail(world, `Members are not at rest and alike: ${states.join('; ')}`);
  }
  return (await world.run(settleMs, () => members.every(isAsWanted(world))))
    ? end
    : fail(world, `Members are not those that were wanted: ${membershipsOf(world)}`);
}

/**
 * Whoever is to come or to go does; a disk that is bad is read once more; and a state that is wrong
 * is found, since something is written now and then.
 */
async function endTrouble(world: KvWorld): Promise<boolean> {
  const { trouble } = world;
  if (trouble?.type === 'damage' && trouble.member.isAlive) {
    trouble.member.crash('kill');
    trouble.member.start();
  }
  // What was to happen to its state has not happened, and will not.
  if (trouble?.type === 'state' && trouble.state === undefined) world.trouble = undefined;
  let at = world.now;
  return world.run(settleMs, () => {
    if (world.trouble?.type === 'state' && world.now >= at) {
      at = world.now + pokeMs;
      poke(world);
    }
    return world.trouble === undefined;
  });
}

function poke(world: KvWorld): void {
  const one = [...world.members.values()].find(
    (member) => member.isUp && member !== troubled(world),
  );
  const { member, process } = one ?? {};
  const { signal } = new AbortController();
  const command = encodeCommand([{ type: 'put', key: bytesOf('poke'), value: bytesOf('') }]);
  process?.enter(() => void member?.service.write(command, { signal }).catch(() => undefined));
}

function troubleOf({ trouble }: KvWorld): string {
  if (trouble?.type !== 'change') return `The ${trouble?.type} of ${trouble?.member.name}`;
  const { kind, coming, leaving } = trouble.change;
  return `The change "${kind}" (${leaving?.name ?? 'nobody'} leaves, ${coming?.name ?? 'nobody'} comes)`;
}

/** Whether a member knows as voters those whom operators wanted, and nobody beside them. */
function isAsWanted({ wanted }: KvWorld): (one: SimMember) => boolean {
  const names = [...wanted.voters].sort().join();
  return ({ member }) => {
    const { voters = [], nodes = {} } = member?.raft.metrics.membership ?? {};
    const isFinal = voters.length === 1 && voters.flat().sort().join() === names;
    return isFinal && Object.keys(nodes).sort().join() === names;
  };
}

function membershipsOf({ members, wanted }: KvWorld): string {
  const told = [...members.values()].map(({ name, member }) => {
    const { voters = [], nodes = {} } = member?.raft.metrics.membership ?? {};
    return `${name} has ${Object.keys(nodes).join()}, of which vote ${voters.join(' and ')}`;
  });
  return `${told.join('; ')}; ${[...wanted.voters].join()} were wanted`;
}

/** Reads by a client of its own what has become of lists and counters. */
async function readEnd(world: KvWorld): Promise<FinalState | undefined> {
  const { queue, choices, net, addresses } = world;
  const process = new KvProcess({ node: 'reader', life: 1, queue, choices, rate: 1 });
  const client = new KvClient({
    servers: addresses,
    runtime: process,
    sockets: net.socketsOf('reader', process),
    timeoutMs: finalTimeoutMs,
  });
  let end: FinalState | undefined;
  let isClosed = false;
  const read = async (): Promise<void> => {
    const lists = new Map<string, readonly number[]>();
    for (const name of listNames) {
      const found = await readList(client, name);
      lists.set(name, found.type === 'read' ? (found.list ?? []) : []);
    }
    const totals = new Map<string, number>();
    for (const name of counterNames) totals.set(name, await new Counter(client, name).get());
    end = { lists, totals };
    await client.close();
    isClosed = true;
  };
  process.enter(() => void read().catch((error: unknown) => world.fail(error)));
  if (!(await world.run(2 * finalTimeoutMs, () => isClosed))) {
    return fail(world, 'The end could not be read');
  }
  process.kill();
  return end;
}

/** Their leases are left to themselves. */
async function closeClients(world: KvWorld): Promise<void> {
  const open = [...world.clients.values()].filter(({ isAlive }) => isAlive);
  let closed = 0;
  for (const { client, process } of open) {
    process?.enter(() => {
      client?.close().then(
        () => {
          closed += 1;
        },
        (error: unknown) => world.fail(error),
      );
    });
  }
  if (await world.run(settleMs, () => closed === open.length)) return;
  fail(world, `${open.length - closed} clients could not be closed`);
}

function fail(world: KvWorld, text: string): undefined {
  if (!world.isOver) world.fail(new KvViolation('liveness', `${text}.`));
  return undefined;
}
