import { describe, expect, test } from 'vitest';
import type { ReadIndexResponse } from '../../src/core/message.ts';
import { NotLeaderError, OverloadedError, UnreachableError } from '../../src/errors.ts';
import { FollowerReads } from '../../src/node/follower-reads.ts';
import { completeConfig } from '../../src/node/options.ts';
import type { Reader, ReadMode } from '../../src/node/reads.ts';
import { settle, VirtualRuntime } from './virtual-runtime.ts';

const config = completeConfig({ heartbeatMs: 10, electionTimeoutMs: { min: 100, max: 200 } });

interface Asked {
  readonly to: string;
  readonly mode: ReadMode;
  readonly answer: (index: number) => Promise<void>;
  readonly refuse: (reason: unknown) => Promise<void>;
}

/** Follower reads whose leader is the test. */
class UnderTest {
  readonly runtime = new VirtualRuntime();
  readonly asked: Asked[] = [];
  readonly answered: { names: string[]; response: ReadIndexResponse }[] = [];
  readonly rejected: { names: string[]; reason: unknown }[] = [];
  readonly taken: string[] = [];
  leader: string | undefined = 'a';
  leads = false;
  readonly reads: FollowerReads;
  readonly #names = new Map<Reader, string>();

  constructor() {
    this.reads = new FollowerReads({
      config,
      runtime: this.runtime,
      leads: () => this.leads,
      leader: () => this.leader,
      hasCluster: () => true,
      noLeader: () => new NotLeaderError('Nobody leads.'),
      readIndex: (to, { mode }) => this.#ask(to, mode),
      takeBack: (readers) => this.taken.push(...this.#namesOf(readers)),
      answer: (readers, response) =>
        this.answered.push({ names: this.#namesOf(readers), response }),
      reject: (readers, reason) => this.rejected.push({ names: this.#namesOf(readers), reason }),
    });
  }

  add(name: string, mode: ReadMode = 'quorum'): void {
    const reader: Reader = { resolve: () => undefined, reject: () => undefined };
    this.#names.set(reader, name);
    this.reads.add([reader], mode);
  }

  call(at: number): Asked {
    const call = this.asked[at];
    if (call === undefined) throw new RangeError(`There is no call ${at}.`);
    return call;
  }

  #ask(to: string, mode: ReadMode): Promise<ReadIndexResponse> {
    return new Promise((resolve, reject) => {
      this.asked.push({
        to,
        mode,
        answer: (index) => {
          resolve({ term: 1, index });
          return settle();
        },
        refuse: (reason) => {
          reject(reason);
          return settle();
        },
      });
    });
  }

  #namesOf(readers: readonly Reader[]): string[] {
    return readers.map((reader) => this.#names.get(reader) ?? '?');
  }
}

describe('reads of a node that does not lead', () => {
  test('that come while a call is under way are not served by its answer (row 76)', async () => {
    const under = new UnderTest();
    under.add('first');
    under.add('second');
    under.add('third');

    await under.call(0).answer(5);
    expect(under.answered.map(({ names }) => names)).toEqual([['first']]);
    await under.call(1).answer(6);

    expect(under.answered.map(({ names }) => names)).toEqual([['first'], ['second', 'third']]);
    expect(under.asked).toHaveLength(2);
  });

  test('of the two modes do not wait for one another', async () => {
    const under = new UnderTest();
    under.add('quorum');
    under.add('lease', 'lease');

    expect(under.asked.map(({ mode }) => mode)).toEqual(['quorum', 'lease']);
    await under.call(1).answer(5);

    expect(under.answered.map(({ names }) => names)).toEqual([['lease']]);
  });

  test('ask the new leader when the leader changes, and its late answer counts for nobody (76)', async () => {
    const under = new UnderTest();
    under.add('x');

    under.leader = 'b';
    under.reads.leaderChanged();
    await under.call(0).answer(3);
    expect(under.answered).toEqual([]);
    await under.call(1).answer(5);

    expect(under.asked.map(({ to }) => to)).toEqual(['a', 'b']);
    expect(under.answered).toMatchObject([{ names: ['x'], response: { index: 5 } }]);
  });

  test('ask again after a heartbeat when the leader refuses', async () => {
    const under = new UnderTest();
    under.add('x');

    await under.call(0).refuse(new NotLeaderError('Not any more.'));
    expect(under.asked).toHaveLength(1);
    await under.runtime.advance(config.heartbeatMs);
    await under.call(1).answer(5);

    expect(under.answered).toMatchObject([{ names: ['x'] }]);
  });

  test('end after the longest election timeout when no leader is known', async () => {
    const under = new UnderTest();
    under.leader = undefined;
    under.add('x');

    await under.runtime.advance(config.electionTimeoutMs.max - 20);
    expect(under.rejected).toEqual([]);
    await under.runtime.advance(40);

    expect(under.rejected).toMatchObject([{ names: ['x'], reason: { code: 'RAFT_NOT_LEADER' } }]);
    expect(under.runtime.timerCount).toBe(0);
  });

  test('end with the last failure when their leader cannot be reached', async () => {
    const under = new UnderTest();
    under.add('x');

    await under.runtime.advance(config.electionTimeoutMs.max);
    await under.call(0).refuse(new UnreachableError('Gone.'));

    expect(under.rejected).toMatchObject([{ reason: { code: 'RAFT_UNREACHABLE' } }]);
  });

  test('are refused at once by a leader with too much to do', async () => {
    const under = new UnderTest();
    under.add('x');

    await under.call(0).refuse(new OverloadedError('Full.'));

    expect(under.rejected).toMatchObject([{ reason: { code: 'RAFT_OVERLOADED' } }]);
  });

  test('are its own once it leads (row 83)', () => {
    const under = new UnderTest();
    under.leader = undefined;
    under.add('waiting');

    under.leads = true;
    under.reads.leaderChanged();
    under.add('later');

    expect(under.taken).toEqual(['waiting', 'later']);
  });

  test('all end when the node does, and a late answer finds nobody', async () => {
    const under = new UnderTest();
    under.add('asked');
    under.add('waiting');

    under.reads.stop('stopped');
    await under.call(0).answer(5);

    expect(under.rejected.flatMap(({ names }) => names)).toEqual(['asked', 'waiting']);
    expect(under.answered).toEqual([]);
    expect(under.runtime.timerCount).toBe(0);
  });
});
