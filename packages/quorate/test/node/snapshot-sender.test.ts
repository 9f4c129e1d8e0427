import { describe, expect, test } from 'vitest';
import { UnreachableError } from '../../src/errors.ts';
import { contentBytes, drain, SenderUnderTest, stallMs } from './sender-under-test.ts';
import { metaAt, Stream } from './snapshots.ts';
import { settle } from './virtual-runtime.ts';

describe('sending a snapshot', () => {
  test('says whose it is, what it comes to and who is meant, and ends with the answer', async () => {
    const under = await SenderUnderTest.open();

    await under.send(7, 3);
    const { request, options, stream } = under.lastCall;
    expect(request).toMatchObject({ term: 3, leader: 'a', meta: metaAt(9), offset: 0 });
    expect(request).toMatchObject({ size: contentBytes, checksum: expect.any(Number) as number });
    expect(options).toMatchObject({
      from: { node: 'a' },
      to: { node: 'b', incarnation: 'disk-b' },
    });
    expect(await drain(stream)).toBe(contentBytes);
    await under.answer({ term: 3, match: 9 });

    const response = { term: 3, stored: 0, match: 9 };
    expect(under.events).toEqual([{ type: 'snapshotAnswered', call: 7, response }]);
    expect(under.runtime.timerCount).toBe(0);
  });

  test('goes on where the follower says that it has stored up to', async () => {
    const under = await SenderUnderTest.open();

    await under.send(1);
    await under.answer({ stored: 33 });
    expect(await drain(under.lastCall.stream)).toBe(67);
    await under.answer({ stored: 80 });
    await under.answer({ match: 9 });

    expect(under.offsets).toEqual([0, 33, 80]);
    expect(under.events).toMatchObject([{ type: 'snapshotAnswered', call: 1 }]);
  });

  test('goes back where the follower has lost what it had', async () => {
    const under = await SenderUnderTest.open();

    await under.send(1);
    await under.answer({ stored: 50 });
    await under.answer({ stored: 0 });
    await under.answer({ match: 9 });

    expect(under.offsets).toEqual([0, 50, 0]);
  });

  test('never begins outside of the snapshot, whatever the follower says', async () => {
    const under = await SenderUnderTest.open();

    await under.send(1);
    await under.answer({ stored: 10_000 });
    await under.answer({ stored: -5 });

    expect(under.offsets).toEqual([0, contentBytes, 0]);
  });

  test('hands on an answer of a newer term', async () => {
    const under = await SenderUnderTest.open();

    await under.send(1);
    await under.answer({ term: 4 });

    expect(under.events).toMatchObject([{ type: 'snapshotAnswered', response: { term: 4 } }]);
  });

  test('keeps to the snapshot that it began with when a newer one is saved', async () => {
    const under = await SenderUnderTest.open();

    await under.send(1);
    await under.store.save(metaAt(20), new Stream(new Uint8Array(10)));
    expect(await drain(under.lastCall.stream)).toBe(contentBytes);
    await under.answer({ stored: 50 });
    await under.answer({ match: 9 });
    await under.send(2);

    expect(under.calls.map(({ request }) => request.meta.id)).toEqual(['s9', 's9', 's20']);
  });
});

describe('a follower that takes nothing', () => {
  test('is given up after a few calls, and each that moves it begins the count anew', async () => {
    const under = await SenderUnderTest.open();

    await under.send(1);
    await under.answer({ stored: 0 });
    await under.answer({ stored: 0 });
    await under.answer({ stored: 10 });
    for (let idle = 0; idle < 3; idle += 1) {
      expect(under.events).toEqual([]);
      await under.answer({ stored: 10 });
    }

    expect(under.events).toEqual([{ type: 'unanswered', call: 1 }]);
    expect(under.calls).toHaveLength(6);
  });

  test('is left alone for longer each time, up to five seconds', async () => {
    const under = await SenderUnderTest.open();
    let call = 0;
    for (const restMs of [100, 200, 400, 800, 1600, 3200, 5000, 5000]) {
      await under.send((call += 1));
      under.lastCall.refuse(new UnreachableError('refused'));
      await settle();
      const count = under.calls.length;

      await under.runtime.advance(restMs - 1);
      await under.send((call += 1));
      expect(under.calls, `${restMs - 1} ms after a refusal`).toHaveLength(count);
      expect(under.events.at(-1)).toEqual({ type: 'unanswered', call });
      await under.runtime.advance(1);
    }
  });

  test('is no longer left alone once it has taken something', async () => {
    const under = await SenderUnderTest.open();
    for (let call = 1; call <= 5; call += 1) {
      await under.send(call);
      under.lastCall.refuse(new UnreachableError('refused'));
      await under.runtime.advance(5000);
    }

    await under.send(6);
    await under.answer({ stored: 10 });
    under.lastCall.refuse(new UnreachableError('reset'));
    await under.runtime.advance(100);
    const count = under.calls.length;
    await under.send(7);

    expect(under.calls).toHaveLength(count + 1);
  });

  test('also when the network throws at once, or the store cannot read', async () => {
    const under = await SenderUnderTest.open();
    under.onCall = () => {
      throw new Error('no such host');
    };
    await under.send(1);
    await under.runtime.advance(5000);
    await under.store[Symbol.asyncDispose]();
    await under.send(2);

    expect(under.events).toEqual([
      { type: 'unanswered', call: 1 },
      { type: 'unanswered', call: 2 },
    ]);
    expect(under.runtime.timerCount).toBe(0);
  });
});

describe('the stall deadline', () => {
  test('counts from the last chunk, not from the beginning', async () => {
    const under = await SenderUnderTest.open();
    await under.send(1);
    const { stream, options } = under.lastCall;

    for (let chunk = 0; chunk < 10; chunk += 1) {
      await under.runtime.advance(stallMs - 1);
      await stream.next();
    }
    await under.runtime.advance(stallMs - 1);
    expect(options?.signal?.aborted).toBe(false);
    await under.runtime.advance(1);

    expect(options?.signal?.aborted).toBe(true);
    expect(await stream.next()).toMatchObject({ done: true });
    expect(under.calls).toHaveLength(1);
    await under.runtime.advance(100);
    expect(under.calls).toHaveLength(2);
  });

  test('is for each call: one that was answered leaves the next its whole time', async () => {
    const under = await SenderUnderTest.open();
    await under.send(1);
    await under.runtime.advance(stallMs - 1);
    await under.answer({ stored: 10 });
    const { options } = under.lastCall;

    await under.runtime.advance(stallMs - 1);
    expect(options?.signal?.aborted).toBe(false);
    await under.runtime.advance(1);

    expect(options?.signal?.aborted).toBe(true);
  });

  test('ends a transfer of which nothing was ever taken, so that no snapshot is kept for it', async () => {
    const under = await SenderUnderTest.open();
    await under.send(1);

    await under.runtime.advance(stallMs);

    expect(under.events).toEqual([{ type: 'unanswered', call: 1 }]);
    expect(under.runtime.timerCount).toBe(0);
  });

  test('does not count the time that the bandwidth takes', async () => {
    const under = await SenderUnderTest.open({ snapshotBytesPerSecond: 1 });
    await under.send(1);
    const drained = drain(under.lastCall.stream);

    await under.runtime.advance(contentBytes * 1000 - 500);
    expect(await drained).toBe(contentBytes);
    expect(under.events).toEqual([]);
    await under.answer({ match: 9 });

    expect(under.events).toMatchObject([{ type: 'snapshotAnswered' }]);
  });

  test('does not run while the transfer waits for a place', async () => {
    const under = await SenderUnderTest.open({ maxSnapshotTransfers: 1 });
    const release = await under.transfers.enter(new AbortController().signal);

    await under.send(1);
    await under.runtime.advance(stallMs * 10);
    expect([under.calls.length, under.events.length]).toEqual([0, 0]);
    release();
    await settle();

    expect(under.calls).toHaveLength(1);
  });
});

describe('a transfer that is stopped', () => {
  test('ends at once, and gives its place and its stream back', async () => {
    const under = await SenderUnderTest.open({ maxSnapshotTransfers: 1 });
    await under.send(1);
    const { stream, options } = under.lastCall;
    await stream.next();

    under.sender.stop('This node no longer leads.');
    await settle();

    expect(under.events).toEqual([{ type: 'unanswered', call: 1 }]);
    expect(options?.signal?.aborted).toBe(true);
    expect(await stream.next()).toMatchObject({ done: true });
    expect(under.runtime.timerCount).toBe(0);
    (await under.transfers.enter(new AbortController().signal))();
  });

  test('while it waits for a place leaves that to others', async () => {
    const under = await SenderUnderTest.open({ maxSnapshotTransfers: 1 });
    const release = await under.transfers.enter(new AbortController().signal);
    await under.send(1);

    under.sender.stop('This node no longer leads.');
    await settle();
    release();
    await settle();

    expect(under.calls).toHaveLength(0);
    expect(under.events).toEqual([{ type: 'unanswered', call: 1 }]);
    (await under.transfers.enter(new AbortController().signal))();
  });

  test('while it waits for its bandwidth leaves no timer', async () => {
    const under = await SenderUnderTest.open({ snapshotBytesPerSecond: 1 });
    await under.send(1);
    drain(under.lastCall.stream).catch(() => undefined);
    await settle();

    under.sender.stop('This node no longer leads.');
    await settle();

    expect(under.runtime.timerCount).toBe(0);
    expect(under.events).toEqual([{ type: 'unanswered', call: 1 }]);
  });

  test('by this node itself is no reason to leave the other alone', async () => {
    const under = await SenderUnderTest.open();
    await under.send(1);
    under.sender.stop('This node no longer leads.');
    await settle();

    await under.send(2, 5);

    expect(under.calls).toHaveLength(2);
  });

  test('is not heard any more when its answer comes late', async () => {
    const under = await SenderUnderTest.open();
    await under.send(1);
    const first = under.lastCall;

    await under.send(2);
    first.answer({ match: 9 });
    await settle();

    expect(under.events).toEqual([{ type: 'unanswered', call: 1 }]);
    await under.answer({ match: 9 });
    expect(under.events).toHaveLength(2);
  });
});
