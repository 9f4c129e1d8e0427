import { describe, expect, test } from 'vitest';
import {
  LeadershipLostError,
  NotLeaderError,
  OverloadedError,
  SessionExpiredError,
  StoppedError,
  UnreachableError,
} from '../../src/errors.ts';
import { openSession } from '../../src/node/session.ts';
import { readSessionEntry } from '../../src/node/session-entries.ts';
import { SessionsUnderTest } from './sessions-under-test.ts';
import { settle } from './virtual-runtime.ts';

const lost = new LeadershipLostError('lost', { logId: { term: 1, index: 1 }, maybeApplied: true });
const notLeader = new NotLeaderError('elsewhere');

function settled(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    (value) => value,
    (error: unknown) => error,
  );
}

describe('a session', () => {
  test('is named by the entry that opened it, with the bounds of this node', async () => {
    const under = new SessionsUnderTest({ maxSessions: 5, maxSessionBytes: 6, sessionWindow: 7 });
    const opening = openSession(under.sessions, undefined);
    await settle();
    const [write] = under.sent;

    expect(write?.entry).toBe('session');
    expect(readSessionEntry(write?.data.bytes ?? new Uint8Array(0))).toEqual({
      type: 'open',
      bounds: { maxSessions: 5, maxSessionBytes: 6, window: 7 },
    });
    under.answer(0);

    expect((await opening).id).toBe(11);
  });

  test('numbers its writes in the order of the calls, and encodes them in the call', async () => {
    const under = new SessionsUnderTest();
    const session = await under.open();
    const command = { list: [1] };

    const first = session.write(command);
    const second = session.write('next');
    command.list.push(2);
    await settle();

    expect(under.numbers).toEqual([1, 2]);
    expect(under.sent[0]?.data).toMatchObject({ session: { id: 11 }, value: { list: [1] } });
    under.answer(1);
    under.answer(2);
    expect([(await first).response, (await second).response]).toEqual([1, 2]);
  });

  test.each([
    lost,
    notLeader,
    new OverloadedError('full'),
    new UnreachableError('timeout', { maybeApplied: true }),
    new StoppedError('The leader was closed.'),
  ])('sends a write again with its number after $code, and then has its answer', async (error) => {
    const under = new SessionsUnderTest();
    const session = await under.open();
    const write = session.write('x');

    for (let round = 0; round < 5; round += 1) {
      await settle();
      expect(under.numbers).toEqual([1]);
      // What may be in the state already must not be judged by it.
      expect(under.sent[0]?.repeated).toBe(round > 0 && error.maybeApplied ? true : undefined);
      under.answer(error);
      await under.pause();
    }
    under.answer(42);

    expect((await write).response).toBe(42);
  });

  test('waits longer before each repetition, up to an election timeout', async () => {
    const under = new SessionsUnderTest({ electionTimeoutMs: { min: 50, max: 100 } });
    const session = await under.open();
    const write = session.write('x');
    const pauses: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      await settle();
      under.answer(notLeader);
      await settle();
      const begun = under.runtime.now();
      while (under.sent.length === 0) {
        await under.runtime.advance(0.5);
        await settle();
      }
      pauses.push(under.runtime.now() - begun);
    }
    under.answer(1);
    await write;

    // Chance is always one half here.
    expect(pauses).toEqual([10, 20, 40, 80, 100, 100].map((ms) => ms * 0.75));
  });

  test('has no more under way than half of its window, and goes on in order', async () => {
    const under = new SessionsUnderTest({ sessionWindow: 4 });
    const session = await under.open();
    const writes = [1, 2, 3, 4].map((command) => session.write(command));
    await settle();
    expect(under.numbers).toEqual([1, 2]);

    // The second is answered; while the first is open, nothing may get too far ahead of it.
    const first = under.sent.shift();
    under.answer(2);
    await settle();
    expect(under.numbers).toEqual([]);
    first?.resolve({ logId: { term: 1, index: 1 }, response: 1 });
    await settle();

    expect(under.numbers).toEqual([3, 4]);
    under.answer(3);
    under.answer(4);
    const responses = (await Promise.all(writes)).map(({ response }) => response);
    expect(responses).toEqual([1, 2, 3, 4]);
  });

  test('lets the next go on when a write is aborted, under way or waiting', async () => {
    const under = new SessionsUnderTest({ sessionWindow: 2 });
    const session = await under.open();
    const controllers = [1, 2, 3].map(() => new AbortController());
    const writes = controllers.map(({ signal }, at) => settled(session.write(at, { signal })));
    await settle();
    expect(under.numbers).toEqual([1]);

    controllers[1]?.abort(new Error('enough'));
    controllers[0]?.abort(new Error('enough'));
    await settle();

    expect(under.numbers).toEqual([1, 2]);
    under.sent.shift();
    under.answer(3);
    expect(await Promise.all(writes)).toMatchObject([
      { message: 'enough' },
      { message: 'enough' },
      { response: 3 },
    ]);
  });

  test('gives a number back that came in the moment of the abort, whenever that is', async () => {
    for (let microtasks = 0; microtasks < 20; microtasks += 1) {
      const under = new SessionsUnderTest({ sessionWindow: 2 });
      const session = await under.open();
      const first = session.write(1);
      const controller = new AbortController();
      const second = settled(session.write(2, { signal: controller.signal }));
      const third = session.write(3);
      await settle();

      under.answer(1);
      for (let passed = 0; passed < microtasks; passed += 1) await Promise.resolve();
      controller.abort(new Error('enough'));
      await settle();

      expect(await first).toMatchObject({ response: 1 });
      expect(await second).toMatchObject({ message: 'enough' });
      const [sequence] = under.numbers.slice(-1);
      expect(sequence).toBeGreaterThan(1);
      while (under.sent.length > 0) under.answer(9);
      expect(await third).toMatchObject({ response: 9 });
    }
  });

  test('ends a pause at once when the signal aborts or the node stops', async () => {
    for (const end of ['signal', 'node'] as const) {
      const under = new SessionsUnderTest();
      const session = await under.open();
      const controller = new AbortController();
      const write = settled(session.write('x', { signal: controller.signal }));
      await settle();
      under.answer(lost);
      await settle();

      if (end === 'signal') controller.abort(new Error('enough'));
      else under.stop();

      const wanted =
        end === 'signal'
          ? { message: 'enough' }
          : { code: 'RAFT_STOPPED', maybeApplied: true, cause: under.stopped };
      expect(await write).toMatchObject(wanted);
      expect(under.runtime.timerCount).toBe(0);
    }
  });

  test('is over when the cluster says so, and says of each write what may have been', async () => {
    const under = new SessionsUnderTest({ sessionWindow: 4 });
    const session = await under.open();
    const tried = settled(session.write('tried'));
    const fresh = settled(session.write('fresh'));
    const waiting = settled(session.write('waiting'));
    await settle();
    under.answer(lost);
    under.answer(new SessionExpiredError('over'));
    await under.pause();
    under.answer(new SessionExpiredError('over'));

    const expired = { code: 'RAFT_SESSION_EXPIRED' };
    expect(await tried).toMatchObject({ ...expired, maybeApplied: true });
    expect(await fresh).toMatchObject({ ...expired, maybeApplied: false });
    expect(await waiting).toMatchObject({ ...expired, maybeApplied: false });
    expect(await settled(session.write('late'))).toMatchObject(expired);
    await session.close();
    expect(under.sent).toEqual([]);
  });

  test('hands on what repeating cannot help against', async () => {
    const under = new SessionsUnderTest();
    const session = await under.open();
    const write = settled(session.write('x'));
    await settle();

    under.answer(new TypeError('no such account'));

    expect(await write).toMatchObject({ message: 'no such account' });
    expect(await settled(session.write(undefined))).toBeInstanceOf(TypeError);
  });

  test('refuses at once what exceeds the bounds of the node, over all sessions', async () => {
    const under = new SessionsUnderTest({ maxPendingWrites: 3, maxPendingBytes: 100 });
    const [one, other] = [await under.open(), await under.open()];
    const bytes = new Uint8Array(40);
    const writes = [one.write(bytes), other.write(bytes)];

    expect(await settled(one.write(bytes))).toMatchObject({ code: 'RAFT_OVERLOADED' });
    writes.push(one.write(1));
    const refused = await settled(other.write(2));
    expect(refused).toMatchObject({ code: 'RAFT_OVERLOADED', maybeApplied: false });
    expect(String(refused)).toContain('maxPendingWrites is 3');
    expect(under.turnedAway).toHaveLength(2);
    await settle();
    while (under.sent.length > 0) under.answer(0);
    await Promise.all(writes);

    const later = other.write(bytes);
    await settle();
    under.answer(7);
    expect((await later).response).toBe(7);
  });

  test('is closed after its writes under way, and takes no others', async () => {
    const under = new SessionsUnderTest();
    const session = await under.open();
    const write = session.write('x');
    await settle();

    const closing = session.close();
    expect(await settled(session.write('y'))).toMatchObject({ code: 'RAFT_SESSION_EXPIRED' });
    await settle();
    expect(under.numbers).toEqual([1]);
    under.answer(1);
    await settle();
    const [entry] = under.sent;
    expect(readSessionEntry(entry?.data.bytes ?? new Uint8Array(0))).toEqual({
      type: 'close',
      id: session.id,
    });
    under.answer(0);

    await closing;
    await session.close();
    expect((await write).response).toBe(1);
  });

  test('that cannot be closed says so after two election timeouts; on a node that stops it need not', async () => {
    const under = new SessionsUnderTest({ electionTimeoutMs: { min: 50, max: 100 } });
    const closing = settled((await under.open()).close());
    for (let round = 0; round < 2; round += 1) {
      await settle();
      under.answer(notLeader);
      await settle();
      await under.runtime.advance(150);
    }
    await settle();
    under.answer(notLeader);
    expect(await closing).toBe(notLeader);

    const other = await under.open();
    const ending = other.close();
    await settle();
    under.answer(notLeader);
    await settle();
    under.stop();

    expect(await settled(ending)).toBeUndefined();
  });
});
