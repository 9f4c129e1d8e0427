import { expect, test } from 'vitest';
import type { Event } from '../../src/core/event.ts';
import { RaftCore } from '../../src/core/raft-core.ts';
import { Driver, type Effects } from '../../src/node/driver.ts';
import { TurnClock } from '../../src/node/turn-clock.ts';
import { VirtualRuntime } from './virtual-runtime.ts';

const noLogId = { term: 0, index: 0 };

function newCore(runtime: VirtualRuntime): RaftCore {
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
  return new RaftCore(options, recovered, runtime.now());
}

test('what a turn itself leads to has the time read last, and a read after it its own', () => {
  const runtime = new VirtualRuntime();
  const core = newCore(runtime);
  let now = 0;
  runtime.now = () => now;
  const seen: string[] = [];
  const effects = {
    peers: { follow: () => undefined },
    log: {
      persist: ({ write }: { write: number }) => {
        now += 1000;
        driver.post({ type: 'persisted', write });
        if (write === 1) driver.post({ type: 'readIndex', request: 2, mode: 'lease' });
      },
    },
    witness: { saw: ({ type }: Event) => seen.push(`${type} ${core.state.now}`) },
    requests: { answer: () => undefined },
    onStep: () => undefined,
    onFailure: (cause: unknown) => expect.unreachable(String(cause)),
  } as unknown as Effects;
  const driver = new Driver(core, new TurnClock(runtime), effects);
  const membership = { cluster: 'k', voters: [['a', 'b']], nodes: { a: {}, b: {} } };

  driver.post({ type: 'initialize', request: 1, membership });
  now = 5000;
  driver.post({ type: 'readIndex', request: 3, mode: 'lease' });

  expect(seen).toEqual(['initialize 0', 'persisted 0', 'readIndex 1000', 'readIndex 5000']);
  driver.stop();
});

test('each event has the time at which it is looked at, also after one that took long (row 78)', () => {
  const runtime = new VirtualRuntime();
  const core = newCore(runtime);
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
  const driver = new Driver(core, new TurnClock(runtime), effects);

  driver.post({ type: 'readIndex', request: 1, mode: 'lease' });

  expect(times).toEqual([0, 10_000]);
});
