import { describe, expect, test } from 'vitest';
import type { ForwardRequest, ForwardResponse } from '../../src/core/message.ts';
import {
  type LeaderHint,
  LeadershipLostError,
  NotLeaderError,
  OverloadedError,
  RefusedError,
  StoppedError,
  UnreachableError,
} from '../../src/errors.ts';
import { jsonCodec } from '../../src/node/codec.ts';
import { Forwarding } from '../../src/node/forwarding.ts';
import { completeConfig } from '../../src/node/options.ts';
import { decodeResponse, encodeResponse } from '../../src/node/response-codec.ts';
import type { PendingWrite, WriteResult } from '../../src/node/writes.ts';
import { settle, VirtualRuntime } from './virtual-runtime.ts';

const config = completeConfig({ heartbeatMs: 10, electionTimeoutMs: { min: 100, max: 200 } });
const logId = { term: 1, index: 7 };

interface Asked {
  readonly to: string;
  readonly request: ForwardRequest;
  readonly answer: (response: unknown) => Promise<void>;
  readonly refuse: (reason: unknown) => Promise<void>;
}

/** A node that passes writes on, in a cluster that is the test. */
class UnderTest {
  readonly runtime = new VirtualRuntime();
  readonly asked: Asked[] = [];
  readonly results: WriteResult<unknown>[] = [];
  readonly reasons: unknown[] = [];
  readonly taken: PendingWrite[] = [];
  leader: string | undefined = 'a';
  leads = false;
  hasCluster = true;
  decode = (response: Uint8Array): unknown => decodeResponse(jsonCodec, response);
  readonly forwarding: Forwarding;

  constructor() {
    this.forwarding = new Forwarding({
      config,
      runtime: this.runtime,
      leads: () => this.leads,
      leader: () => this.leader,
      hasCluster: () => this.hasCluster,
      noLeader: () => new NotLeaderError('Nobody leads.'),
      decode: (response) => this.decode(response),
      forward: (to, request) => this.#ask(to, request),
      takeBack: (write) => this.taken.push(write),
      answer: (_write, result) => this.results.push(result),
      reject: (_write, reason) => this.reasons.push(reason),
    });
  }

  pass(write: Partial<PendingWrite> = {}): void {
    const data = { bytes: Uint8Array.of(1), value: 1 };
    const { resolve, reject } = Promise.withResolvers<WriteResult<unknown>>();
    this.forwarding.pass({ data, resolve, reject, ...write });
  }

  call(at: number): Asked {
    const call = this.asked[at];
    if (call === undefined) throw new RangeError(`There is no call ${at}.`);
    return call;
  }

  #ask(to: string, request: ForwardRequest): Promise<ForwardResponse> {
    return new Promise((resolve, reject) => {
      this.asked.push({
        to,
        request,
        answer: (response) => {
          resolve({ logId, response: encodeResponse(jsonCodec, response) });
          return settle();
        },
        refuse: (reason) => {
          reject(reason);
          return settle();
        },
      });
    });
  }
}

function hint(id: string): { leader: LeaderHint } {
  return { leader: { id, info: {} } };
}

describe('a write that is passed on', () => {
  test('carries all that belongs to it, and brings the response back', async () => {
    const under = new UnderTest();
    const session = { id: 3, sequence: 4 };
    const bytes = Uint8Array.of(9);

    under.pass({ data: { bytes, raw: true, value: bytes, session }, repeated: true });
    await under.call(0).answer({ ok: 1 });

    expect(under.call(0).request).toEqual({ command: bytes, raw: true, session, repeated: true });
    expect(under.results).toEqual([{ logId, response: { ok: 1 } }]);
  });

  test('goes where the refusing node says, one step; then it waits for a heartbeat', async () => {
    const under = new UnderTest();
    under.pass();

    await under.call(0).refuse(new NotLeaderError('Ask b.', hint('b')));
    await under.call(1).refuse(new NotLeaderError('Ask a.', hint('a')));
    expect(under.asked.map(({ to }) => to)).toEqual(['a', 'b']);
    await under.runtime.advance(config.heartbeatMs);
    await under.call(2).answer(1);

    expect(under.results).toHaveLength(1);
  });

  test.each([
    new UnreachableError('Refused to connect.'),
    new StoppedError('Closed.'),
    new NotLeaderError('Nobody.'),
  ])('is tried again after what was certainly not logged: %s', async (refusal) => {
    const under = new UnderTest();
    under.pass();

    await under.call(0).refuse(refusal);
    under.leader = 'b';
    under.forwarding.leaderChanged();
    await under.call(1).answer(1);

    expect(under.asked.map(({ to }) => to)).toEqual(['a', 'b']);
    expect(under.results).toHaveLength(1);
    expect(under.runtime.timerCount).toBe(0);
  });

  test.each([
    new UnreachableError('The answer was lost.', { maybeApplied: true }),
    new LeadershipLostError('Lost.', { logId, maybeApplied: true }),
    new OverloadedError('Full.'),
    new RefusedError('Not allowed.'),
  ])(
    'is sent once if it may have been logged, or the leader does not want it: %s',
    async (refusal) => {
      const under = new UnderTest();
      under.pass();

      await under.call(0).refuse(refusal);
      await under.runtime.advance(1000);

      expect(under.reasons).toEqual([refusal]);
      expect(under.asked).toHaveLength(1);
    },
  );

  test('may have been applied when the leader stopped, and the caller’s own node has not', async () => {
    const under = new UnderTest();
    under.pass();

    await under.call(0).refuse(new StoppedError('Closed.', { maybeApplied: true }));

    expect(under.reasons).toMatchObject([{ code: 'RAFT_UNREACHABLE', maybeApplied: true }]);
  });

  test('may have been applied when a network throws what is no error of ours', async () => {
    const under = new UnderTest();
    under.pass();

    await under.call(0).refuse(new TypeError('fetch failed'));

    expect(under.reasons).toMatchObject([{ code: 'RAFT_UNREACHABLE', maybeApplied: true }]);
  });

  test('is refused after two of the longest election timeouts without a leader', async () => {
    const under = new UnderTest();
    under.leader = undefined;
    under.pass();

    await under.runtime.advance(2 * config.electionTimeoutMs.max - 20);
    expect(under.reasons).toEqual([]);
    await under.runtime.advance(40);

    expect(under.reasons).toMatchObject([{ code: 'RAFT_NOT_LEADER', maybeApplied: false }]);
    expect(under.runtime.timerCount).toBe(0);
  });

  test('is refused with the last refusal when that time is over', async () => {
    const under = new UnderTest();
    under.pass();
    await under.runtime.advance(2 * config.electionTimeoutMs.max);

    const refusal = new NotLeaderError('Still not.');
    await under.call(0).refuse(refusal);

    expect(under.reasons).toEqual([refusal]);
  });

  test('is refused at once by a node that belongs to no cluster', () => {
    const under = new UnderTest();
    under.leader = undefined;
    under.hasCluster = false;

    under.pass();

    expect(under.reasons).toMatchObject([{ code: 'RAFT_NOT_LEADER' }]);
  });

  test('is this node’s own once it leads', () => {
    const under = new UnderTest();
    under.leader = undefined;
    under.pass();

    under.leads = true;
    under.forwarding.leaderChanged();

    expect(under.taken).toHaveLength(1);
  });

  test('whose response cannot be read took effect all the same', async () => {
    const under = new UnderTest();
    under.decode = () => {
      throw new TypeError('another codec');
    };
    under.pass();

    await under.call(0).answer(1);

    expect(under.reasons).toMatchObject([{ code: 'RAFT_UNSUPPORTED', maybeApplied: true }]);
  });

  test('says when the node stops whether it had been sent', async () => {
    const under = new UnderTest();
    under.pass();
    under.leader = undefined;
    under.pass();

    under.forwarding.stop((maybeApplied) => ({ maybeApplied }));
    await under.call(0).answer(1);

    expect(under.reasons).toEqual([{ maybeApplied: false }, { maybeApplied: true }]);
    expect(under.results).toEqual([]);
    expect(under.runtime.timerCount).toBe(0);
  });
});
