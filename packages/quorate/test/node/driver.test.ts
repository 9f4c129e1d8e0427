import { expect, test } from 'vitest';
import { RaftCore } from '../../src/core/raft-core.ts';
import { Driver, type Effects } from '../../src/node/driver.ts';
import { VirtualRuntime } from './virtual-runtime.ts';

const noLogId = { term: 0, index: 0 };

test('each event has the time at which it is looked at, also after one that took long (row 78)', () => {
  const runtime = new VirtualRuntime();
  const options = {
    id: 'a',
    heartbeatMs: 50,
    electionTimeoutMs: { min: 300, max: 600 },
    maxInflightAppends: 8,
    preVote: true,
    checkQuorum: true,
    maxClockDrift: 0.1,
    random: () => 0.5,
  };
  const recovered = {
    vote: { term: 0, votedFor: undefined },
    termStarts: [],
    purged: noLogId,
    last: noLogId,
    snapshot: noLogId,
    applied: noLogId,
    memberships: [],
  };
  const core = new RaftCore(options, recovered, runtime.now());
  const times: number[] = [];
  let now = 0;
  runtime.now = () => now;
  const effects = {
    peers: { follow: () => undefined },
    witness: { saw: () => undefined },
    requests: {
      answer: (request: number) => {
        times.push(core.state.now);
        if (request > 1) return;
        // The loop stands still, and an event that came meanwhile is the next one.
        now = 10_000;
        driver.post({ type: 'readIndex', request: 2, mode: 'lease' });
      },
    },
    onStep: () => undefined,
    onFailure: (cause: unknown) => expect.unreachable(String(cause)),
  } as unknown as Effects;
  const driver = new Driver(core, runtime, effects);

  driver.post({ type: 'readIndex', request: 1, mode: 'lease' });

  expect(times).toEqual([0, 10_000]);
});
