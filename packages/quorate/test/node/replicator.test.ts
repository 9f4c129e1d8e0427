import { describe, expect, test } from 'vitest';
import type { AppendEntriesRequest } from '../../src/core/message.ts';
import {
  OverloadedError,
  StoppedError,
  UnreachableError,
  WrongTargetError,
} from '../../src/errors.ts';
import { accepted, heartbeat, PeersUnderTest, range, withEntries } from './peers-under-test.ts';
import { metaAt, Stream } from './snapshots.ts';
import { settle } from './virtual-runtime.ts';

describe('a call', () => {
  test('says who asks and who is meant, and is answered once', async () => {
    const under = new PeersUnderTest();

    under.replicate(1);
    expect(under.calls[0]?.request).toEqual({ ...heartbeatRequest() });
    expect(under.calls[0]?.options).toMatchObject({
      from: { node: 'a' },
      to: { node: 'b' },
      timeoutMs: 800,
    });
    under.calls[0]?.answer(accepted);
    await settle();
    await under.runtime.advance(10_000);

    expect(under.events).toEqual([{ type: 'appendAnswered', call: 1, response: accepted }]);
  });

  test('means the disk that the membership names', () => {
    const under = new PeersUnderTest();

    under.follow({ b: { address: 'two', incarnation: 'x' } });
    under.replicate(1);

    expect(under.calls[0]?.options?.to).toEqual({ node: 'b', incarnation: 'x' });
  });

  test('sends what fits maxAppendBytes and reports how much that was', async () => {
    const under = await withEntries(10);

    under.replicate(1, range(2, 10));

    const sent = under.calls[0]?.request.entries.map(({ logId }) => logId.index);
    expect(sent).toEqual([3, 4]);
    expect(under.events).toEqual([{ type: 'sent', call: 1, last: 4 }]);
  });

  test('that is answered at once takes no place, and does not say that all was sent', async () => {
    const under = await withEntries(10);
    under.atOnce = { term: 1, accepted: true, match: 4 };

    under.replicate(1, range(2, 4));

    const answered = { type: 'appendAnswered', response: under.atOnce } as const;
    expect(under.events).toEqual([{ ...answered, call: 1 }]);
    expect(under.peers.openCalls).toBe(0);
    expect(under.runtime.timerCount).toBe(0);
    under.replicate(2, heartbeat);
    expect(under.events.slice(1)).toEqual([{ ...answered, call: 2 }]);
  });

  test('that is answered at once says before how much was sent, if that was not all', async () => {
    const under = await withEntries(10);
    under.atOnce = { term: 1, accepted: true, match: 4 };

    under.replicate(1, range(2, 10));

    expect(under.events).toEqual([
      { type: 'sent', call: 1, last: 4 },
      { type: 'appendAnswered', call: 1, response: under.atOnce },
    ]);
  });

  test('to a node that nobody knows is unanswered at once', () => {
    const under = new PeersUnderTest();

    under.replicate(1, heartbeat, 'z');

    expect(under.events).toEqual([{ type: 'unanswered', call: 1 }]);
  });
});

describe('the deadline', () => {
  test('of a heartbeat is the longest election timeout; a late answer is nobody’s', async () => {
    const under = new PeersUnderTest();
    under.replicate(1);

    await under.runtime.advance(799);
    expect(under.events).toEqual([]);
    const { signal } = under.calls[0]?.options ?? {};
    await under.runtime.advance(1);
    under.calls[0]?.answer(accepted);
    await settle();

    expect(under.events).toEqual([{ type: 'unanswered', call: 1 }]);
    expect(signal?.aborted).toBe(true);
    expect(under.runtime.timerCount).toBe(0);
  });

  test('of entries is callTimeoutMs and one millisecond for each KiB', async () => {
    const under = await withEntries(2);
    under.replicate(1, range(0, 2));
    under.events.length = 0;

    await under.runtime.advance(1000);
    expect(under.events).toEqual([]);
    await under.runtime.advance(1);

    expect(under.events).toEqual([{ type: 'unanswered', call: 1 }]);
  });

  test('of entries allows for those before them too, until these are answered', async () => {
    const under = await withEntries(6);
    under.replicate(1, range(0, 2));
    under.replicate(2, range(2, 4));
    for (const call of under.calls) call.answer(accepted);
    await settle();
    under.replicate(3, range(4, 6));

    const [first = 0, second, third] = under.calls.map(
      ({ options }) => (options?.timeoutMs ?? 0) - 1000,
    );
    expect(first).toBeGreaterThan(0);
    expect(second).toBeCloseTo(2 * first);
    expect(third).toBeCloseTo(first);
  });

  test('of a hung call is kept although others are answered', async () => {
    const under = new PeersUnderTest();
    under.replicate(1);
    await under.runtime.advance(400);
    under.replicate(2);
    under.calls[1]?.answer(accepted);
    await under.runtime.advance(400);
    under.replicate(3);
    await under.runtime.advance(800);

    expect(under.events.map((event) => event.type)).toEqual([
      'appendAnswered',
      'unanswered',
      'unanswered',
    ]);
  });
});

describe('a call that brings no answer', () => {
  test.each([
    ['was refused', new UnreachableError('refused'), true],
    ['came to a node with no room', new OverloadedError('no room'), true],
    ['came to another node', new WrongTargetError('not me'), true],
    ['came to a node that has ended', new StoppedError('closed'), true],
    ['may have arrived', new UnreachableError('broke off', { maybeApplied: true }), false],
    ['failed for no known reason', new TypeError('odd'), false],
  ])('says that it did nothing only if that is certain: one that %s', async (_, why, isCertain) => {
    const under = new PeersUnderTest();
    under.replicate(1);

    under.calls[0]?.refuse(why);
    await settle();

    const effect = isCertain ? { hadNoEffect: true } : {};
    expect(under.events).toEqual([{ type: 'unanswered', call: 1, ...effect }]);
  });

  test('may have done something if its time is over, or the connection is given up', async () => {
    const under = new PeersUnderTest();
    under.replicate(1);
    await under.runtime.advance(800);
    under.replicate(2);
    under.follow({});

    expect(under.events).toEqual([
      { type: 'unanswered', call: 1 },
      { type: 'unanswered', call: 2 },
    ]);
  });
});

describe('back-off', () => {
  test('leaves a node alone that refuses, for longer each time, up to half the election timeout', async () => {
    const under = new PeersUnderTest();
    let call = 0;
    for (const restMs of [10, 20, 40, 80, 160, 200, 200]) {
      under.replicate((call += 1));
      const callCount = under.calls.length;
      under.calls.at(-1)?.refuse(new UnreachableError('refused'));
      await settle();

      await under.runtime.advance(restMs - 1);
      under.replicate((call += 1));
      expect(under.calls, `a call ${restMs - 1} ms after a refusal`).toHaveLength(callCount);
      await under.runtime.advance(1);
    }
  });

  test('is forgotten with the first answer', async () => {
    const under = new PeersUnderTest();
    for (let call = 1; call <= 5; call += 1) {
      under.replicate(call);
      under.calls.at(-1)?.refuse(new UnreachableError('refused'));
      await settle();
      await under.runtime.advance(200);
    }
    under.replicate(6);
    under.calls.at(-1)?.answer(accepted);
    await settle();

    under.replicate(7);
    under.calls.at(-1)?.refuse(new UnreachableError('refused'));
    await under.runtime.advance(10);
    const callCount = under.calls.length;
    under.replicate(8);

    expect(under.calls.length).toBe(callCount + 1);
  });

  test('reports calls during a rest as unanswered and makes none', async () => {
    const under = new PeersUnderTest();
    under.replicate(1);
    under.calls[0]?.refuse(new UnreachableError('refused'));
    await settle();

    under.replicate(2);

    expect(under.calls).toHaveLength(1);
    expect(under.events).toEqual([
      { type: 'unanswered', call: 1, hadNoEffect: true },
      { type: 'unanswered', call: 2, hadNoEffect: true },
    ]);
  });

  test('also follows a network that throws at once', async () => {
    const under = await withEntries(2);
    under.onCall = () => {
      throw new Error('no such host');
    };

    under.replicate(1, range(0, 2));
    await settle();

    expect(under.events).toContainEqual({ type: 'unanswered', call: 1 });
    expect(under.failures).toEqual([]);
  });
});

describe('entries that are no longer in memory', () => {
  test('are read from the store and sent', async () => {
    const under = await withEntries(10, 1);

    under.replicate(1, range(0, 10));
    expect(under.calls).toHaveLength(0);
    await settle();

    expect(under.calls[0]?.request.entries[0]?.logId.index).toBe(1);
    expect(under.events[0]).toMatchObject({ type: 'sent', call: 1 });
  });

  test('are not sent if the term has changed while they were read', async () => {
    const under = await withEntries(10, 1);

    under.replicate(1, range(0, 10));
    under.term = 2;
    await settle();

    expect(under.calls).toHaveLength(0);
    expect(under.events).toEqual([{ type: 'unanswered', call: 1 }]);
  });

  test('are not sent, and stop nobody, if they are purged while they are read', async () => {
    const under = await withEntries(10, 1);

    under.replicate(1, range(0, 10));
    under.log.purge({ term: 1, index: 5 }, { all: false });
    await settle();

    expect(under.calls).toHaveLength(0);
    expect(under.failures).toEqual([]);
    expect(under.events).toEqual([{ type: 'unanswered', call: 1 }]);
  });

  test('that the store cannot read stop the node, unless the term has changed', async () => {
    for (const term of [1, 2]) {
      const under = await withEntries(10, 1);
      under.store.onRead = () => Promise.reject(new Error('bad sector'));

      under.replicate(1, range(0, 10));
      under.term = term;
      await settle();

      expect(under.failures).toHaveLength(term === 1 ? 1 : 0);
    }
  });

  test('that the store leaves out stop the node', async () => {
    const under = await withEntries(10, 1);
    under.store.onRead = () => [];

    under.replicate(1, range(0, 10));
    await settle();

    expect(under.failures).toMatchObject([
      { message: expect.stringContaining('entry 1 must be there') as string },
    ]);
  });

  test('are not sent on a connection that was given up meanwhile', async () => {
    const under = await withEntries(10, 1);

    under.replicate(1, range(0, 10));
    under.follow({});
    await settle();

    expect(under.calls).toHaveLength(0);
    expect(under.events).toContainEqual({ type: 'unanswered', call: 1, hadNoEffect: true });
  });
});

function heartbeatRequest(): AppendEntriesRequest {
  return { term: 1, leader: 'a', previous: { term: 0, index: 0 }, entries: [], committed: 0 };
}

test('a snapshot is no longer sent to a node that goes on with entries', async () => {
  const under = await withEntries(2);
  await under.snapshots.save(metaAt(1), new Stream(new Uint8Array(10)));
  under.peers.sendSnapshot({ type: 'sendSnapshot', call: 1, to: 'b', term: 1 });
  await settle();
  under.replicate(2);
  expect(under.transfers.map((signal) => signal?.aborted)).toEqual([false]);

  under.replicate(3, range(1, 2));
  await settle();

  expect(under.transfers.map((signal) => signal?.aborted)).toEqual([true]);
  expect(under.events).toContainEqual({ type: 'unanswered', call: 1 });
});
