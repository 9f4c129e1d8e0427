import { expect, test } from 'vitest';
import { caller } from '../../../src/testing/network/connected.ts';
import type { RecordingRpc } from '../../../src/testing/network/recording-rpc.ts';
import type { FakeNet } from './fake-sockets.ts';
import { type Seen, seen, world } from './linked.ts';

/** Numbers from 0 to below `below`, the same for the same seed (mulberry32). */
function draws(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Something happens to the sockets that are open. */
function trouble(net: FakeNet, draw: (below: number) => number): void {
  const open = net.sockets.filter(({ isOpen }) => isOpen);
  const socket = open[draw(Math.max(1, open.length))];
  const kind = draw(12);
  if (kind === 0) socket?.destroy();
  if (kind === 1 && socket !== undefined) socket.swallows = true;
  if (kind === 2 && socket !== undefined) socket.flipsNext = true;
  if (kind === 3) net.trouble = (['refused', 'silent', 'none', 'none'] as const)[draw(4)] ?? 'none';
  if (kind === 4) net.bytesPerMs = [10, 1000, Infinity][draw(3)] ?? Infinity;
}

/** How often each of the writes has arrived. */
function countsAt({ arrivals }: RecordingRpc, writes: number): number[] {
  const counts = Array.from({ length: writes }, () => 0);
  for (const { call, request } of arrivals) {
    if (call !== 'forward') continue;
    const { command } = request as { command: Uint8Array };
    const number = Buffer.from(command).readUInt32LE();
    counts[number] = (counts[number] ?? 0) + 1;
  }
  return counts;
}

/** Whether what the caller was told fits how often the write arrived. */
function isTrue({ outcome, error }: Seen, count: number): boolean {
  if (outcome === 'answered') return count === 1;
  return outcome === 'failed' && count <= (error?.maybeApplied === true ? 1 : 0);
}

test.each(Array.from({ length: 40 }, (_, seed) => seed))(
  'whatever happens to sockets, a write arrives as often as its caller is told (seed %i)',
  async (seed) => {
    const draw = draws(seed);
    const { runtime, net, node, network, server, peer } = await world({
      pingAfterMs: 20,
      deadAfterMs: 60,
      connectTimeoutMs: 50,
    });
    const writes: Seen[] = [];
    for (let step = 0; step < 300; step += 1) {
      for (let count = draw(4); count > 0; count -= 1) {
        const command = Buffer.alloc(draw(20) === 0 ? 100_000 : 4);
        command.writeUInt32LE(writes.length);
        writes.push(seen(peer.forward({ command }, { ...caller, timeoutMs: 20 + draw(200) })));
      }
      trouble(net, draw);
      await runtime.advance(draw(10));
    }
    net.trouble = 'none';
    net.bytesPerMs = Infinity;
    await runtime.advance(2000);

    const counts = countsAt(node, writes.length);
    const wrong = writes.filter((write, number) => !isTrue(write, counts[number] ?? 0));
    expect(wrong).toEqual([]);
    const after = seen(peer.identify({ ...caller, timeoutMs: 2000 }));
    await runtime.advance(2000);
    expect(after.outcome).toBe('answered');
    expect(writes.filter(({ outcome }) => outcome === 'answered').length).toBeGreaterThan(0);

    const closed = Promise.all([network[Symbol.asyncDispose](), server.close()]);
    await runtime.advance(3000);
    await closed;
    expect([net.openSockets, runtime.timerCount]).toEqual([0, 0]);
  },
);
