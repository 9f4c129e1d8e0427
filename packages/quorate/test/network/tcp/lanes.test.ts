import { describe, expect, test } from 'vitest';
import { caller, heartbeat } from '../../../src/testing/network/connected.ts';
import { Latch, type RecordingRpc } from '../../../src/testing/network/recording-rpc.ts';
import { snapshotRequest } from '../../../src/testing/network/snapshot-cases.ts';
import { appendOf, seen, timed, world } from './linked.ts';

describe('the two lanes', () => {
  test('a huge snapshot on a slow line does not delay a heartbeat', async () => {
    const { runtime, net, node, peer } = await world();
    void peer.identify(caller);
    await runtime.advance(10);
    net.bytesPerMs = 100;
    const snapshot = seen(peer.installSnapshot(snapshotRequest, megabytes(20), caller));
    await runtime.advance(1000);

    const beat = seen(peer.appendEntries(heartbeat, timed));
    await runtime.advance(5);

    expect(beat.outcome).toBe('answered');
    expect(snapshot.outcome).toBe('waiting');
    expect(node.arrivals.map(({ call }) => call)).toContain('installSnapshot');
  });

  test('large appends do not delay a heartbeat either, and small ones stay behind them', async () => {
    const { runtime, net, node, peer } = await world();
    void peer.identify(caller);
    await runtime.advance(10);
    net.bytesPerMs = 100;
    const large = seen(peer.appendEntries(appendOf(200_000, 10), { ...caller, timeoutMs: 9000 }));
    const small = seen(peer.appendEntries(appendOf(10, 11), { ...caller, timeoutMs: 9000 }));
    await runtime.advance(500);

    const beat = seen(peer.appendEntries(heartbeat, timed));
    await runtime.advance(5);
    expect([large, small, beat].map(({ outcome }) => outcome)).toEqual([
      'waiting',
      'waiting',
      'answered',
    ]);
    await runtime.advance(5000);

    expect([large.outcome, small.outcome]).toEqual(['answered', 'answered']);
    expect(indexesAt(node)).toEqual([10, 11]);
  });

  test('a large write that is passed on does not delay a heartbeat', async () => {
    const { runtime, net, peer } = await world();
    void peer.identify(caller);
    await runtime.advance(10);
    net.bytesPerMs = 100;
    const command = new Uint8Array(200_000);
    const large = seen(peer.forward({ command }, { ...caller, timeoutMs: 9000 }));
    await runtime.advance(500);

    const beat = seen(peer.appendEntries(heartbeat, timed));
    await runtime.advance(5);

    expect([large.outcome, beat.outcome]).toEqual(['waiting', 'answered']);
  });

  test('a large append that waits survives the loss of its connection', async () => {
    const { runtime, net, node, peer } = await world();
    const options = { ...caller, timeoutMs: 9000 };
    void peer.appendEntries(appendOf(200_000, 10), options);
    await runtime.advance(100);
    const mayAnswer = new Latch();
    node.onArrival = () => mayAnswer.promise;
    void peer.appendEntries(appendOf(10, 11), options);
    const large = seen(peer.appendEntries(appendOf(200_000, 12), options));
    await runtime.advance(10);

    net.sockets[0]?.destroy();
    await runtime.advance(10);
    mayAnswer.open();
    await runtime.advance(500);

    expect(large.outcome).toBe('answered');
    expect(indexesAt(node)).toEqual([10, 11, 12]);
  });

  test('a large append waits until the small ones before it are answered', async () => {
    const { runtime, node, peer } = await world();
    const mayAnswer = new Latch();
    node.onArrival = () => mayAnswer.promise;
    const options = { ...caller, timeoutMs: 9000 };
    const small = seen(peer.appendEntries(appendOf(10, 10), options));
    const large = seen(peer.appendEntries(appendOf(200_000, 11), options));
    await runtime.advance(100);
    expect(indexesAt(node)).toEqual([10]);

    mayAnswer.open();
    await runtime.advance(100);

    expect([small.outcome, large.outcome]).toEqual(['answered', 'answered']);
    expect(indexesAt(node)).toEqual([10, 11]);
  });

  test('appends go back to the main lane when all on the other one are answered', async () => {
    const { runtime, net, peer } = await world();
    const options = { ...caller, timeoutMs: 9000 };
    void peer.appendEntries(appendOf(200_000, 10), options);
    await runtime.advance(100);
    const bulk = net.sockets[0]?.writes;

    const small = seen(peer.appendEntries(appendOf(10, 11), options));
    await runtime.advance(100);

    expect(small.outcome).toBe('answered');
    expect(net.dials).toHaveLength(2);
    expect(net.sockets[0]?.writes).toBe(bulk);
  });
});

describe('the deadline of a snapshot', () => {
  test('does not count the time in which its source has nothing to send', async () => {
    const { runtime, node, peer } = await world({ snapshotTimeoutMs: 500 });
    const mayGoOn = new Latch();
    const call = seen(
      peer.installSnapshot(
        snapshotRequest,
        (async function* () {
          yield new Uint8Array(10);
          await mayGoOn.promise;
          yield new Uint8Array(10);
        })(),
        caller,
      ),
    );
    await runtime.advance(60_000);
    expect(call.outcome).toBe('waiting');

    mayGoOn.open();
    await runtime.advance(100);

    expect(call.outcome).toBe('answered');
    expect(node.arrivals).toHaveLength(1);
  });

  test('counts the time in which the other side takes nothing', async () => {
    const { runtime, node, peer } = await world({ snapshotTimeoutMs: 500 });
    node.onSnapshot = () => new Promise(() => {});
    const call = seen(peer.installSnapshot(snapshotRequest, megabytes(4), caller));

    await runtime.advance(1000);

    expect(call.error?.message).toContain('installSnapshot to node b at b:1000');
    expect(call.error).toMatchObject({ code: 'RAFT_UNREACHABLE', maybeApplied: false });
  });
});

function indexesAt({ arrivals }: RecordingRpc): number[] {
  return arrivals.flatMap(({ request }) =>
    ((request as Partial<typeof heartbeat> | undefined)?.entries ?? []).map(
      ({ logId }) => logId.index,
    ),
  );
}

async function* megabytes(count: number): AsyncGenerator<Uint8Array> {
  for (let made = 0; made < count; made += 1) yield new Uint8Array(1024 ** 2);
}
