import type { RaftMetrics } from 'quorate';
import { expect, test } from 'vitest';
import { Leadership } from '../../src/server/member/leadership.ts';
import { type MemberHost, silentLogger } from '../../src/server/member/node.ts';
import { VirtualRuntime } from '../leases/virtual-runtime.ts';

const follower = {
  ...{ role: 'follower', term: 3, leader: 'b', isRunning: true },
  committed: { term: 3, index: 9 },
  applied: { term: 3, index: 9 },
} as unknown as RaftMetrics;

/** A node of which one picture is drawn, and then no other. */
function leadershipOf(
  readBarrier: () => Promise<number>,
  { signal }: { readonly signal: AbortSignal },
): { leadership: Leadership; runtime: VirtualRuntime; raft: { metrics: RaftMetrics } } {
  const runtime = new VirtualRuntime();
  const raft = {
    metrics: follower,
    readBarrier,
    async *watch() {
      yield follower;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  };
  const host = { name: 'a', raft, runtime, logger: silentLogger, signal };
  const leadership = new Leadership(host as unknown as MemberHost, {
    lead: () => undefined,
    follow: () => undefined,
    looked: () => undefined,
    ended: () => undefined,
  });
  return { leadership, runtime, raft };
}

test('a member whose first read fails is up to date after another one, with nothing new', async () => {
  const ending = new AbortController();
  let reads = 0;
  const { leadership, runtime } = leadershipOf(async () => {
    reads += 1;
    if (reads <= 3) throw new Error('The leader did not answer.');
    return 9;
  }, ending);
  const running = leadership.run();

  await runtime.pass(60);
  expect(leadership.isCaughtUp).toBe(false);
  await runtime.pass(1000);

  expect(leadership.isCaughtUp).toBe(true);
  // It was enough once.
  expect(reads).toBe(4);
  ending.abort();
  await running;
});

test('a member that knows no leader any more waits for one, and reads nothing', async () => {
  const ending = new AbortController();
  let reads = 0;
  const { leadership, runtime, raft } = leadershipOf(async () => {
    reads += 1;
    raft.metrics = { ...follower, leader: undefined };
    throw new Error('The leader did not answer.');
  }, ending);
  const running = leadership.run();

  await runtime.pass(10_000);

  expect(leadership.isCaughtUp).toBe(false);
  expect(reads).toBe(1);
  ending.abort();
  await running;
});
