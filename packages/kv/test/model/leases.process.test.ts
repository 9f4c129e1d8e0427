import { expect, test } from 'vitest';
import { KvError } from '../../src/errors.ts';
import type { KvMember } from '../../src/server/member.ts';
import type { LeaseId } from '../../src/types.ts';
import { checkLeases, type LeaseEvent } from '../checks/leases.ts';
import { get, MemberCluster, patience, putOf, write } from '../member/support/member-cluster.ts';
import { Draws } from './draws.ts';

const isFull = process.env['QUORATE_TEST_FULL'] === '1';
const rounds = isFull ? 20 : 2;
const seed = Number(process.env['QUORATE_KV_SEED'] ?? Math.floor(Math.random() * 1e9));
const ttlSeconds = 2;
const keepAliveMs = 300;
const lookMs = 100;
/** How late a lease may end: much, since machines are busy. How early: not at all. */
const bounds = { graceMs: 8000, callMs: 10_000 };

test(
  'no lease ends early and each ends at last, whoever leads and whoever is asked',
  async () => {
    console.log(`QUORATE_KV_SEED=${seed} draws the same again`);
    for (let round = 0; round < rounds; round += 1) {
      await using cluster = await MemberCluster.start(['a', 'b', 'c']);
      const events = await play(cluster, new Draws(seed + round));

      expect(checkLeases(events, bounds)).toEqual([]);
      const types = new Set(events.map(({ type }) => type));
      expect([...types].sort()).toEqual(['grant', 'keepAlive', 'lead', 'look']);
    }
  },
  30_000 * rounds,
);

async function play(cluster: MemberCluster, draws: Draws): Promise<readonly LeaseEvent[]> {
  const events: LeaseEvent[] = [];
  const lives = Array.from({ length: 8 }, (_, at) => {
    const renewals = draws.below(12);
    return live(cluster, { lease: at + 1, renewals, draws, events });
  });
  await pause(500 + draws.below(1000));
  await (await cluster.leader()).service.transferLeadership(undefined, patience());
  await led(cluster, events);
  await pause(500 + draws.below(1000));
  const { name } = await cluster.leader();
  await cluster.close(name);
  await led(cluster, events);
  await cluster.startOne(name);
  await Promise.all(lives);
  return events;
}

async function led(cluster: MemberCluster, events: LeaseEvent[]): Promise<void> {
  await cluster.leader();
  events.push({ type: 'lead', returnedAt: performance.now() });
}

interface Life {
  readonly lease: LeaseId;
  /** After so many of them it is left alone. */
  readonly renewals: number;
  readonly draws: Draws;
  readonly events: LeaseEvent[];
}

/** Grants, attaches a key, renews, and looks until the key is gone. */
async function live(cluster: MemberCluster, life: Life): Promise<void> {
  const { lease, renewals, events } = life;
  const key = `of-lease-${lease}`;
  const calledAt = performance.now();
  const grant = { type: 'leaseGrant', id: lease, ttl: ttlSeconds } as const;
  await persist(cluster, life, ({ service }) =>
    write(service, [grant, putOf(key, 'x', { lease })]),
  );
  const ttlMs = ttlSeconds * 1000;
  events.push({ type: 'grant', lease, ttlMs, calledAt, returnedAt: performance.now() });
  const renewing = renew(cluster, life, renewals);
  for (let isThere = true; isThere; await pause(lookMs)) {
    const lookedAt = performance.now();
    isThere = (await persist(cluster, life, ({ service }) => get(service, key))) !== undefined;
    const returnedAt = performance.now();
    events.push({ type: 'look', lease, isThere, calledAt: lookedAt, returnedAt });
  }
  await renewing;
}

async function renew(cluster: MemberCluster, life: Life, count: number): Promise<void> {
  const { lease, events } = life;
  for (let at = 0; at < count; at += 1) {
    await pause(keepAliveMs);
    const calledAt = performance.now();
    try {
      await someone(cluster, life).service.leaseKeepAlive(lease, patience());
      const returnedAt = performance.now();
      events.push({ type: 'keepAlive', lease, calledAt, returnedAt, isFound: true });
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      if (error.code !== 'KV_LEASE_NOT_FOUND') events.push({ type: 'keepAlive', lease, calledAt });
      else {
        const returnedAt = performance.now();
        events.push({ type: 'keepAlive', lease, calledAt, returnedAt, isFound: false });
      }
    }
  }
}

/** Asks somebody else as long as whoever was asked is about to end, or knows no leader. */
async function persist<Answer>(
  cluster: MemberCluster,
  life: Life,
  ask: (member: KvMember) => Promise<Answer>,
): Promise<Answer> {
  for (;;) {
    try {
      return await ask(someone(cluster, life));
    } catch (error) {
      if (!(error instanceof KvError) || error.kind.retry === 'no') throw error;
    }
    await pause(lookMs);
  }
}

function someone({ members }: MemberCluster, { draws }: Life): KvMember {
  return members[draws.below(members.length)] as KvMember;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
