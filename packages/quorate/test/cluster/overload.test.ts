import { expect, test } from 'vitest';
import { Cluster, calm, outcomeOf, quick, soon, turns } from './kit.ts';

const three = ['a', 'b', 'c'];
const mebibyte = 1024 * 1024;

test('past its bounds a node refuses at once, and answers as before once there is room', async () => {
  await using cluster = await Cluster.of(three, { config: { ...calm, maxPendingWrites: 100 } });
  const { raft } = cluster.first;
  cluster.node('b').store.hold();
  cluster.node('c').store.hold();
  const accepted = Array.from({ length: 100 }, (_, at) => raft.write(at, soon()));

  const refused = await Promise.all(
    Array.from({ length: 1000 }, () => outcomeOf(raft.write('too much', soon()))),
  );
  for (const { store } of cluster.all) store.release();
  await Promise.all(accepted);
  const after = await Promise.all(Array.from({ length: 100 }, (_, at) => raft.write(at, soon())));

  for (const outcome of refused) {
    expect(outcome).toMatchObject({ code: 'RAFT_OVERLOADED', maybeApplied: false });
  }
  expect(after.map(({ response }) => response)).toEqual(
    Array.from({ length: 100 }, (_, at) => 101 + at),
  );
});

test.each(['a', 'b'])('large writes on %s do not starve small ones', async (id) => {
  await using cluster = await Cluster.of(three, {
    // The state machine of the tests is slow with snapshots of such commands.
    config: { ...calm, maxPendingBytes: 8 * mebibyte, snapshotAfterBytes: 2 ** 50 },
  });
  const { raft } = cluster.node(id);
  const large = new Uint8Array(2 * mebibyte);
  const smallDone = new AbortController();
  const largeWriter = async (): Promise<void> => {
    while (!smallDone.signal.aborted) {
      const outcome = await outcomeOf(raft.write(large, soon()));
      if (outcome instanceof Error) await turns(1);
    }
  };
  const largeWriters = Array.from({ length: 4 }, largeWriter);
  const refusals: unknown[] = [];
  const smallWriter = async (): Promise<void> => {
    for (let written = 0; written < 20 && refusals.length < 100; ) {
      const outcome = await outcomeOf(raft.write('small', soon()));
      if (outcome instanceof Error) refusals.push(outcome);
      else written += 1;
      if (outcome instanceof Error) await turns(1);
    }
  };

  await Promise.all(Array.from({ length: 5 }, smallWriter));
  smallDone.abort();
  await Promise.all(largeWriters);

  const { commands } = cluster.first.machine;
  expect(commands.filter((command) => command === 'small')).toHaveLength(100);
});

test('a leader without a quorum fails what waits in bounded time, and serves again after it', async () => {
  await using cluster = await Cluster.of(three, {
    config: { ...quick, maxPendingWrites: 50, forwardWrites: false },
  });
  const leader = await cluster.awaitLeader();
  cluster.isolate(leader.id);

  const outcomes = await Promise.all(
    Array.from({ length: 200 }, (_, at) => outcomeOf(leader.raft.write(at, soon()))),
  );
  cluster.wires.heal();
  await cluster.write('healed');
  const { logId } = await cluster.write('again');
  await cluster.awaitApplied(logId.index);

  const codes = outcomes.map((outcome) => (outcome as { code: string }).code);
  expect(codes.filter((code) => code === 'RAFT_OVERLOADED')).toHaveLength(150);
  expect(codes.slice(0, 50)).toEqual(Array.from({ length: 50 }, () => 'RAFT_LEADERSHIP_LOST'));
  for (const { machine } of cluster.all) {
    expect(machine.commands.filter((command) => command === 'again')).toEqual(['again']);
  }
});

test('too many reads on a follower are refused at once, and the others are answered', async () => {
  await using cluster = await Cluster.of(three, { config: calm });
  await cluster.restart('b', { maxWaitingCalls: 10 });
  const { raft } = cluster.node('b');

  const outcomes = await Promise.all(
    Array.from({ length: 30 }, () => outcomeOf(raft.readBarrier(soon()))),
  );

  const refused = outcomes.filter((outcome) => outcome instanceof Error);
  expect(refused).toHaveLength(20);
  for (const outcome of refused) expect(outcome).toMatchObject({ code: 'RAFT_OVERLOADED' });
});
