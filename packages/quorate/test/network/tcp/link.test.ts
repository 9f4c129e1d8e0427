import { describe, expect, test } from 'vitest';
import { caller, heartbeat, rejectionOf } from '../../../src/testing/network/connected.ts';
import { Latch } from '../../../src/testing/network/recording-rpc.ts';
import { snapshotRequest } from '../../../src/testing/network/snapshot-cases.ts';
import { appendOf, type Seen, seen, timed, world, write } from './linked.ts';

describe('a link', () => {
  test('dials at the first call, and sends all calls of one turn in one write', async () => {
    const { runtime, net, node, peer } = await world();
    expect(net.dials).toEqual([]);

    const first = seen(peer.identify(caller));
    await runtime.advance(10);
    const before = net.sockets[0]?.writes ?? 0;
    const calls = Array.from({ length: 50 }, (_, term) =>
      seen(peer.appendEntries({ ...heartbeat, term }, timed)),
    );
    await runtime.advance(10);

    expect(first.outcome).toBe('answered');
    expect(calls.every(({ outcome }) => outcome === 'answered')).toBe(true);
    expect(net.dials).toEqual([0]);
    expect(net.sockets[0]?.writes).toBe(before + 1);
    const terms = node.arrivals.slice(1).map(({ request }) => (request as { term: number }).term);
    expect(terms).toEqual(Array.from({ length: 50 }, (_, term) => term));
  });

  test('says who asks and who is meant once, and again when that changes', async () => {
    const { runtime, net, node, peer } = await world();
    void peer.identify(caller);
    await runtime.advance(10);
    const sent = (): number => Buffer.concat(net.sockets[0]?.written ?? []).length;
    const callOf = async (options: typeof caller): Promise<number> => {
      const before = sent();
      void peer.identify(options);
      await runtime.advance(10);
      return sent() - before;
    };

    const same = await callOf({ ...caller, from: { ...caller.from } as never });
    const other = await callOf({ ...caller, to: { node: 'b', incarnation: 'disk-b2' } });

    expect(same).toBe(17);
    expect(other).toBeGreaterThan(50);
    expect(node.arrivals.at(-1)?.options?.to).toEqual({ node: 'b', incarnation: 'disk-b2' });
    expect(node.arrivals.at(-1)?.options?.from).toEqual(caller.from);
  });

  test('says it again to a new connection', async () => {
    const { runtime, server, node, peer } = await world();
    void peer.identify(caller);
    await runtime.advance(10);
    server.disconnectAll();
    await runtime.advance(10);

    void peer.identify(caller);
    await runtime.advance(50);

    expect(node.arrivals).toHaveLength(2);
    expect(node.arrivals[1]?.options?.from).toEqual(caller.from);
    expect(node.arrivals[1]?.options?.to).toEqual(caller.to);
  });

  test('dials one at a time, and after failures waits twice as long each time, up to a bound', async () => {
    const { runtime, net, peer } = await world({ minBackOffMs: 16, maxBackOffMs: 100 });
    net.trouble = 'refused';

    for (let ms = 0; ms < 800; ms += 1) {
      void rejectionOf(peer.identify(timed));
      await runtime.advance(1);
    }

    // A dial takes 2 ms to fail; the chance of this runtime takes three quarters of each wait.
    const waits = net.dials.slice(1).map((at, index) => at - (net.dials[index] ?? 0) - 2);
    expect(waits.slice(0, 5)).toEqual([12, 24, 48, 75, 75]);
  });

  test('what waits for a connection fails when the dial does, as never sent', async () => {
    const { runtime, net, peer } = await world();
    net.trouble = 'refused';

    const call = seen(peer.forward(write, timed));
    await runtime.advance(10);

    expect(call.error).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: false });
    expect(call.error?.message).toContain('ECONNREFUSED');
  });

  test('what waits for a connection ends by its deadline', async () => {
    const { runtime, net, peer } = await world();
    net.trouble = 'silent';

    const call = seen(peer.forward(write, timed));
    await runtime.advance(99);
    expect(call.outcome).toBe('waiting');
    await runtime.advance(1);

    expect(call.error).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: false });
  });

  test('dials no more when nobody waits any more', async () => {
    const { runtime, net, peer } = await world({ minBackOffMs: 50 });
    net.trouble = 'refused';
    void rejectionOf(peer.identify(timed));
    await runtime.advance(10);

    const call = seen(peer.identify({ ...caller, timeoutMs: 5 }));
    await runtime.advance(1000);

    expect(call.outcome).toBe('failed');
    expect(net.dials).toHaveLength(1);
  });

  test('what waits for a connection is bounded', async () => {
    const { runtime, net, peer } = await world({ maxQueuedBytes: 100_000 });
    net.trouble = 'silent';
    const calls = [1, 2, 3, 4].map(() => seen(peer.appendEntries(appendOf(32 * 1024), timed)));

    await runtime.advance(0);

    expect(calls.map(({ outcome }) => outcome)).toEqual([
      'waiting',
      'waiting',
      'waiting',
      'failed',
    ]);
    expect(calls[3]?.error?.message).toContain('bytes wait for the connection already');
  });

  test('a call that is longer than the other side reads is refused, and never sent', async () => {
    const { runtime, node, peer } = await world({}, { maxMessageBytes: 1000 });
    const waiting = seen(peer.forward({ command: new Uint8Array(2000) }, timed));
    await runtime.advance(10);

    const sent = seen(peer.forward({ command: new Uint8Array(2000) }, timed));
    const small = seen(peer.forward(write, timed));
    await runtime.advance(10);

    for (const { error } of [waiting, sent]) {
      expect(error).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: false });
      expect(error?.message).toMatch(/has 20\d\d bytes, and the other side takes 1000/);
    }
    expect(small.outcome).toBe('answered');
    expect(node.arrivals).toHaveLength(1);
  });

  test('a target that accepts nobody is given up, and dialled again', async () => {
    const { runtime, net, node, peer } = await world({ connectTimeoutMs: 50 });
    net.trouble = 'silent';
    const call = seen(peer.identify({ ...caller, timeoutMs: 1000 }));

    await runtime.advance(60);
    net.trouble = 'none';
    const next = seen(peer.identify(timed));
    await runtime.advance(60);

    expect(call.error?.message).toContain('accepted no connection within 50 ms');
    expect(next.outcome).toBe('answered');
    expect(node.arrivals).toHaveLength(1);
  });

  test('a call that is not answered ends by its deadline, and may have had its effect', async () => {
    const { runtime, node, peer } = await world();
    node.onArrival = () => new Promise(() => {});

    const call = seen(peer.forward(write, timed));
    const harmless = seen(peer.identify(timed));
    await runtime.advance(105);

    expect(call.error).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: true });
    expect(call.error?.message).toBe('forward to node b at b:1000 was not answered within 100 ms.');
    expect(harmless.error).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: false });
    expect(node.arrivals[0]?.options?.signal?.aborted).toBe(true);
  });

  test('a connection that breaks ends what was sent, and nothing is sent again', async () => {
    const { runtime, net, node, server, peer } = await world();
    node.onArrival = () => new Promise(() => {});
    const call = seen(peer.forward(write, { ...caller, timeoutMs: 10_000 }));
    await runtime.advance(10);

    server.disconnectAll();
    await runtime.advance(10);
    node.onArrival = () => {};
    const next = seen(peer.identify(timed));
    await runtime.advance(50);

    expect(call.error).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: true });
    expect(next.outcome).toBe('answered');
    expect(node.arrivals.map(({ call: name }) => name)).toEqual(['forward', 'identify']);
    expect(net.dials).toHaveLength(2);
  });

  test('what was not written before the connection broke has certainly not arrived', async () => {
    const { runtime, net, peer } = await world();
    void peer.identify(caller);
    await runtime.advance(10);

    const call = seen(peer.forward(write, timed));
    net.sockets[0]?.handler?.onClose(new Error('ECONNRESET'));
    await runtime.advance(5);

    expect(call.error).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: false });
  });

  test('a peer that is silent is asked, and given up when it says nothing', async () => {
    const { runtime, net, node, peer } = await world({ pingAfterMs: 100, deadAfterMs: 300 });
    node.onArrival = () => new Promise(() => {});
    const call = seen(peer.forward(write, { ...caller, timeoutMs: 60_000 }));
    await runtime.advance(2000);
    expect(call.outcome).toBe('waiting');

    for (const socket of net.sockets) socket.swallows = true;
    await runtime.advance(401);

    expect(call.error).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: true });
    expect(call.error?.message).toContain('was silent for 3');
    expect(net.openSockets).toBe(0);
  });

  test('a peer that reads slowly is not taken for dead while it says that it is there', async () => {
    const { runtime, net, node, server, peer } = await world();
    const mayAnswer = new Latch();
    node.onArrival = () => mayAnswer.promise;
    const calls = Array.from({ length: 5000 }, () =>
      seen(peer.readIndex({ mode: 'lease' }, { ...caller, timeoutMs: 60_000 })),
    );
    await runtime.advance(10_000);
    expect(server.stats.openCalls).toBeGreaterThanOrEqual(4096);
    expect(net.sockets[1]?.isPaused).toBe(true);

    mayAnswer.open();
    await runtime.advance(100);

    expect(calls.every(({ outcome }) => outcome === 'answered')).toBe(true);
    expect(net.dials).toHaveLength(1);
  });

  test('a reader that takes nothing costs bounded memory: further calls are refused at once', async () => {
    const { runtime, net, peer } = await world({ maxQueuedBytes: 1024 ** 2 });
    void peer.appendEntries(appendOf(10), timed);
    await runtime.advance(10);
    const [near, far] = net.sockets;
    far?.pause();
    const calls: Seen[] = [];

    for (let turn = 0; turn < 500; turn += 1) {
      calls.push(seen(peer.appendEntries(appendOf(32 * 1024), { ...caller, timeoutMs: 5000 })));
      await runtime.advance(0);
    }

    const refused = calls.filter(({ outcome }) => outcome === 'failed');
    expect(refused.length).toBeGreaterThan(400);
    expect(refused.at(-1)?.error).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: false });
    expect(refused.at(-1)?.error?.message).toContain('bytes wait for the socket already');
    expect(near?.mostBuffered).toBeLessThan(1.1 * 1024 ** 2);
  });

  test('a link with as many calls as it may have refuses the next one', async () => {
    const { runtime, node, peer } = await world({ maxOpenCalls: 3 });
    node.onArrival = () => new Promise(() => {});
    const calls = [1, 2, 3].map(() => seen(peer.identify({ ...caller, timeoutMs: 1000 })));
    await runtime.advance(10);

    const next = seen(peer.identify(timed));
    await runtime.advance(0);

    expect(calls.map(({ outcome }) => outcome)).toEqual(['waiting', 'waiting', 'waiting']);
    expect(next.error?.message).toContain('3 calls are under way already');
  });

  test('leaves no socket and no timer when it is closed, whatever is under way', async () => {
    const { runtime, net, node, network, server, peer } = await world();
    node.onArrival = () => new Promise(() => {});
    const calls = [
      seen(peer.forward(write, timed)),
      seen(peer.installSnapshot(snapshotRequest, forever(), caller)),
    ];
    await runtime.advance(20);
    const other = network.connect('c', { address: 'c:1' });
    const waiting = seen(other.identify(caller));

    const closed = Promise.all([network[Symbol.asyncDispose](), server.close()]);
    await runtime.advance(2000);
    await closed;

    expect(calls.map(({ error }) => error?.maybeApplied)).toEqual([true, false]);
    expect(waiting.error?.message).toContain('closed on this side');
    expect([net.openSockets, runtime.timerCount]).toEqual([0, 0]);
  });
});

async function* forever(): AsyncGenerator<Uint8Array> {
  for (;;) yield new Uint8Array(1024);
}
