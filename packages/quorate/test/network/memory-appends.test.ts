import { describe, expect, test } from 'vitest';
import { MemoryNetwork } from '../../src/network/memory.ts';
import { heartbeat, rejectionOf } from '../../src/testing/network/connected.ts';
import { Latch, RecordingRpc } from '../../src/testing/network/recording-rpc.ts';
import { StepRuntime } from './step-runtime.ts';

const a = { cluster: 'cluster-1', node: 'a', incarnation: 'disk-a', starts: 1 };

function world(): { runtime: StepRuntime; network: MemoryNetwork; b: RecordingRpc } {
  const runtime = new StepRuntime();
  const network = new MemoryNetwork({ runtime });
  const b = new RecordingRpc();
  network.attach('b', b);
  return { runtime, network, b };
}

function termsAt(node: RecordingRpc): number[] {
  return node.arrivals.map(({ request }) => (request as { term: number }).term);
}

describe('an append over a quiet memory network', () => {
  test('is put to its node within the call, and an answer that is there is returned', () => {
    const { network, b } = world();
    const answer = { term: 3, accepted: true, match: 7 } as const;
    network.attach('b', Object.assign(b, { appendEntries: () => answer }));

    expect(network.connect('b').appendEntries(heartbeat, { from: a })).toBe(answer);
  });

  test('overtakes no call that was made before it', async () => {
    const { network, b, runtime } = world();
    const peer = network.connect('b');

    void peer.appendEntries({ ...heartbeat, term: 1 });
    void peer.timeoutNow({ leader: 'a', term: 2 });
    void peer.appendEntries({ ...heartbeat, term: 3 });
    expect(termsAt(b)).toEqual([1]);
    await runtime.settle();
    void peer.appendEntries({ ...heartbeat, term: 4 });

    expect(termsAt(b)).toEqual([1, 2, 3, 4]);
  });

  test('overtakes none that was slowed and arrives in this moment', async () => {
    const { network, b, runtime } = world();
    const peer = network.connect('b');
    network.setDelay(({ kind }) => {
      // The wire is quiet again while the message is under way.
      if (kind === 'request') network.setDelay(0);
      return 5;
    });

    let ring = (): void => expect.unreachable('no timer was set');
    runtime.setTimer = (run) => {
      ring = run;
      return { cancel: () => undefined };
    };

    void peer.appendEntries({ ...heartbeat, term: 1 }, { from: a });
    await runtime.settle();
    await runtime.advance(5);
    ring();
    void peer.appendEntries({ ...heartbeat, term: 2 }, { from: a });

    expect(termsAt(b)).toEqual([]);
    await runtime.settle();
    expect(termsAt(b)).toEqual([1, 2]);
  });

  test('is refused if its node leaves before it answers', async () => {
    const { network, b, runtime } = world();
    const mayAnswer = new Latch();
    b.onArrival = () => mayAnswer.promise;
    const append = rejectionOf(network.connect('b').appendEntries(heartbeat));
    await runtime.settle();

    network.detach('b');
    mayAnswer.open();

    expect(await append).toMatchObject({ code: 'RAFT_UNREACHABLE' });
  });
});
