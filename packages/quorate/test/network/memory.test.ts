import { describe, expect, test } from 'vitest';
import type { CallOptions } from '../../src/contract/network.ts';
import type { NodeId } from '../../src/core/types.ts';
import { UnreachableError } from '../../src/errors.ts';
import { type MemoryMessage, MemoryNetwork } from '../../src/network/memory.ts';
import { heartbeat, rejectionOf } from '../../src/testing/network/connected.ts';
import { Latch, RecordingRpc } from '../../src/testing/network/recording-rpc.ts';
import { snapshotRequest } from '../../src/testing/network/snapshot-cases.ts';
import { StepRuntime } from './step-runtime.ts';

interface World {
  readonly runtime: StepRuntime;
  readonly network: MemoryNetwork;
  readonly nodes: Readonly<Record<'a' | 'b' | 'c', RecordingRpc>>;
  /** Lets `from` ask `to` who it is, and tells how that ended so far. */
  readonly ask: (from: NodeId, to: NodeId, signal?: AbortSignal) => Asked;
}

interface Asked {
  outcome: 'waiting' | 'answered' | 'refused';
  error?: unknown;
}

function world(random: () => number = () => 0.5): World {
  const runtime = new StepRuntime();
  const network = new MemoryNetwork({ runtime, random });
  const nodes = { a: new RecordingRpc(), b: new RecordingRpc(), c: new RecordingRpc() };
  for (const [id, rpc] of Object.entries(nodes)) network.attach(id, rpc);
  const ask = (from: NodeId, to: NodeId, signal?: AbortSignal): Asked => {
    const asked: Asked = { outcome: 'waiting' };
    const options = { from: identity(from), ...(signal === undefined ? {} : { signal }) };
    network
      .connect(to)
      .identify(options)
      .then(
        () => (asked.outcome = 'answered'),
        (error: unknown) => Object.assign(asked, { outcome: 'refused', error }),
      );
    return asked;
  };
  return { runtime, network, nodes, ask };
}

function identity(node: NodeId): NonNullable<CallOptions['from']> {
  return { cluster: 'cluster-1', node, incarnation: `disk-${node}`, starts: 1 };
}

describe('a quiet memory network', () => {
  test('passes requests, answers and errors by reference and sets no timer', async () => {
    const { runtime, network, nodes } = world();
    const peer = network.connect('b');

    const answer = await peer.appendEntries(heartbeat, { from: identity('a') });

    expect(answer).toBe(nodes.b.append);
    expect(nodes.b.arrivals[0]?.request).toBe(heartbeat);
    expect(runtime.timerCount).toBe(0);

    const failure = new TypeError('a bug');
    nodes.b.onArrival = () => {
      throw failure;
    };
    expect(await rejectionOf(peer.appendEntries(heartbeat))).toBe(failure);
  });

  test('delivers a call after the turn of its caller, in the order of the calls', async () => {
    const { network, nodes, runtime } = world();
    const peer = network.connect('b');

    for (let term = 1; term <= 5; term += 1) void peer.timeoutNow({ leader: 'a', term });

    expect(nodes.b.arrivals).toEqual([]);
    await runtime.settle();
    expect(nodes.b.arrivals.map(({ request }) => (request as { term: number }).term)).toEqual([
      1, 2, 3, 4, 5,
    ]);
  });

  test('refuses calls to a node that is not attached', async () => {
    const { runtime, network, ask } = world();
    network.detach('b');

    const asked = ask('a', 'b');
    await runtime.settle();

    expect(asked.error).toBeInstanceOf(UnreachableError);
  });

  test('refuses a call whose node was detached before it answered', async () => {
    const { runtime, network, nodes } = world();
    const mayAnswer = new Latch();
    nodes.b.onArrival = () => mayAnswer.promise;
    const peer = network.connect('b');
    const write = rejectionOf(peer.forward({ command: new Uint8Array(1) }));
    const transfer = rejectionOf(peer.timeoutNow({ term: 1, leader: 'a' }));
    await runtime.settle();

    network.detach('b');
    mayAnswer.open();

    for (const error of [await write, await transfer]) {
      expect(error).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: true });
    }
  });

  test('adds no listener to the signal of a call that is answered at once', async () => {
    const { runtime, ask } = world();
    const signal = new CountingSignal();

    const asked = ask('a', 'b', signal.signal);
    await runtime.settle();
    await runtime.turn();

    expect(asked.outcome).toBe('answered');
    expect(signal.listenerCount).toBe(0);
  });

  test('takes its listener back when a slow answer comes', async () => {
    const { runtime, nodes, ask } = world();
    const mayAnswer = new Latch();
    nodes.b.onArrival = () => mayAnswer.promise;
    const signal = new CountingSignal();

    const asked = ask('a', 'b', signal.signal);
    await runtime.turn();
    expect(signal.listenerCount).toBe(1);
    mayAnswer.open();
    await runtime.settle();

    expect(asked.outcome).toBe('answered');
    expect(signal.listenerCount).toBe(0);
  });
});

describe('a memory network with faults', () => {
  test('a call over a cut link waits until its signal is aborted', async () => {
    const { runtime, network, nodes, ask } = world();
    network.cut('a', 'b');
    const controller = new AbortController();

    const asked = ask('a', 'b', controller.signal);
    await runtime.turn();
    expect(asked.outcome).toBe('waiting');
    controller.abort('enough');
    await runtime.settle();

    expect(asked).toEqual({ outcome: 'refused', error: 'enough' });
    expect(nodes.b.arrivals).toEqual([]);
  });

  test('a link cut one way loses the answers of the other way', async () => {
    const { runtime, network, nodes, ask } = world();
    network.cut('b', 'a');

    const asked = ask('a', 'b');
    await runtime.settle();

    expect(asked.outcome).toBe('waiting');
    expect(nodes.b.arrivals).toHaveLength(1);
  });

  test('a cut during the call loses the answer, also after healing', async () => {
    const { runtime, network, nodes, ask } = world();
    const mayAnswer = new Latch();
    nodes.b.onArrival = () => mayAnswer.promise;
    const asked = ask('a', 'b');
    await runtime.settle();

    network.isolate('b');
    mayAnswer.open();
    await runtime.settle();
    network.heal();
    await runtime.settle();

    expect(asked.outcome).toBe('waiting');
    const next = ask('a', 'b');
    await runtime.settle();
    expect(next.outcome).toBe('answered');
  });

  test('a partition separates its groups, and those in no group from both', async () => {
    const { runtime, network, ask } = world();
    network.partition(['a'], ['b']);
    const asked = [ask('a', 'b'), ask('b', 'a'), ask('a', 'c'), ask('c', 'b'), ask('a', 'a')];
    await runtime.settle();
    expect(asked.map(({ outcome }) => outcome)).toEqual([
      'waiting',
      'waiting',
      'waiting',
      'waiting',
      'answered',
    ]);

    network.partition(['a', 'b']);
    const again = [ask('a', 'b'), ask('c', 'b')];
    await runtime.settle();
    expect(again.map(({ outcome }) => outcome)).toEqual(['answered', 'waiting']);
  });

  test('a drop rule chooses by link, call and kind, or by chance', async () => {
    const draws = [0.1, 0.9];
    const { runtime, network, nodes, ask } = world(() => draws.shift() ?? 0.99);
    const seen: MemoryMessage[] = [];
    network.setDrop((message) => {
      seen.push(message);
      return message.kind === 'request' ? 0.5 : 0;
    });

    const unlucky = ask('a', 'b');
    const lucky = ask('a', 'b');
    await runtime.settle();

    expect([unlucky.outcome, lucky.outcome]).toEqual(['waiting', 'answered']);
    expect(nodes.b.arrivals).toHaveLength(1);
    expect(seen.at(-1)).toEqual({ from: 'b', to: 'a', call: 'identify', kind: 'answer' });
    network.setDrop((message) => message.to === 'b');
    const [toB, toC] = [ask('a', 'b'), ask('a', 'c')];
    await runtime.settle();
    expect([toB.outcome, toC.outcome]).toEqual(['waiting', 'answered']);
  });

  test('a delay counts for each direction', async () => {
    const { runtime, network, nodes, ask } = world();
    network.setDelay(10);

    const asked = ask('a', 'b');
    await runtime.advance(9);
    expect(nodes.b.arrivals).toHaveLength(0);
    await runtime.advance(1);
    expect(nodes.b.arrivals).toHaveLength(1);
    await runtime.advance(9);
    expect(asked.outcome).toBe('waiting');
    await runtime.advance(1);

    expect(asked.outcome).toBe('answered');
    expect(runtime.timerCount).toBe(0);
  });

  test('messages of one link stay in order when their delays differ and then end', async () => {
    const { runtime, network, nodes } = world();
    const delays = [30, 0, 5];
    network.setDelay(({ kind }) => (kind === 'request' ? (delays.shift() ?? 0) : 0));
    const peer = network.connect('b');
    const send = (term: number): void =>
      void peer.appendEntries({ ...heartbeat, term }, { from: identity('a') });

    send(1);
    send(2);
    send(3);
    network.setDelay(0);
    send(4);
    await runtime.advance(29);
    expect(nodes.b.arrivals).toEqual([]);
    await runtime.advance(1);

    const terms = nodes.b.arrivals.map(({ request }) => (request as { term: number }).term);
    expect(terms).toEqual([1, 2, 3, 4]);
  });

  test('a cut loses what is on its way', async () => {
    const { runtime, network, nodes, ask } = world();
    network.setDelay(10);
    const asked = ask('a', 'b');

    network.cut('a', 'b');
    await runtime.advance(100);
    network.heal();
    await runtime.advance(100);

    expect(asked.outcome).toBe('waiting');
    expect(nodes.b.arrivals).toEqual([]);
    expect(runtime.timerCount).toBe(0);
  });

  test('a cut in the middle of a snapshot stops its chunks until the caller gives up', async () => {
    const { runtime, network, nodes } = world();
    let count = 0;
    const broken = new Latch<unknown>();
    nodes.b.onSnapshot = async (chunks) => {
      try {
        for await (const chunk of chunks) {
          count += chunk.byteLength;
          if (count === 3) network.cut('a', 'b');
        }
      } catch (error) {
        broken.open(error);
      }
      return count;
    };
    const controller = new AbortController();
    const options = { from: identity('a'), signal: controller.signal };
    const call = rejectionOf(
      network.connect('b').installSnapshot(snapshotRequest, tenChunks(), options),
    );
    await runtime.turn();
    expect(count).toBe(3);

    controller.abort('enough');
    await runtime.turn();

    expect(await call).toBe('enough');
    expect(await broken.promise).toBe('enough');
  });
});

async function* tenChunks(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < 10; at += 1) yield new Uint8Array([at]);
}

/** Counts who listens for an abort that never comes. */
class CountingSignal {
  readonly signal = new AbortController().signal;
  listenerCount = 0;

  constructor() {
    const add = this.signal.addEventListener.bind(this.signal);
    const remove = this.signal.removeEventListener.bind(this.signal);
    this.signal.addEventListener = (...args: Parameters<typeof add>) => {
      this.listenerCount += 1;
      add(...args);
    };
    this.signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      this.listenerCount -= 1;
      remove(...args);
    };
  }
}
