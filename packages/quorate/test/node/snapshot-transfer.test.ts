import { describe, expect, onTestFinished, test } from 'vitest';
import type { SnapshotStore } from '../../src/contract/snapshot-store.ts';
import type { InstallSnapshotRequest } from '../../src/core/message.ts';
import type { RaftConfig } from '../../src/node/options.ts';
import { FileSnapshotStore } from '../../src/storage/snapshots/file-snapshot-store.ts';
import { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';
import {
  contentBytes,
  drain,
  SenderUnderTest,
  type SnapshotCall,
  stallMs,
} from './sender-under-test.ts';
import { metaAt, Stream } from './snapshots.ts';
import { settle } from './virtual-runtime.ts';

const broken = new Error('the connection broke');

/** Keeps one part, of one snapshot, as the receiver and its store do; each call may break. */
class Follower {
  readonly under: SenderUnderTest;
  /** So many bytes go through before a call breaks. */
  callBytes = Infinity;
  received: Uint8Array[] = [];
  isOnceWhole = false;
  #id = '';

  constructor(under: SenderUnderTest) {
    this.under = under;
    under.onCall = (call) => void this.#serve(call).catch(call.refuse);
  }

  get stored(): number {
    return this.received.reduce((sum, { length }) => sum + length, 0);
  }

  async #serve({ request, stream, answer }: SnapshotCall): Promise<void> {
    this.#open(request);
    if (request.offset !== this.stored) return answer({ stored: this.stored });
    for (let sent = 0; sent < this.callBytes; ) {
      const next = await stream.next();
      if (next.done === true) break;
      sent += next.value.length;
      this.received.push(next.value);
    }
    if (this.stored < request.size) throw broken;
    this.isOnceWhole = true;
    answer({ match: request.meta.lastLogId.index });
  }

  #open({ meta }: InstallSnapshotRequest): void {
    if (this.#id !== meta.id) this.received = [];
    this.#id = meta.id;
  }
}

const content = Uint8Array.from({ length: contentBytes }, (_, at) => at);

/** Sends until it is answered, while a newer snapshot is saved after each call. */
async function sendWhileBusy(under: SenderUnderTest, store: SnapshotStore): Promise<void> {
  let index = 9;
  const follower = under.onCall;
  under.onCall = (call) => {
    follower(call);
    index += 1;
    // Large, so that it is not brought in one call either.
    void store.save(metaAt(index), new Stream(content, 10));
  };
  for (let call = 1; call <= 20; call += 1) {
    await under.send(call);
    await under.runtime.advance(20_000);
    if (under.events.at(-1)?.type === 'snapshotAnswered') return;
  }
}

async function fileStore(): Promise<FileSnapshotStore> {
  const store = await FileSnapshotStore.open({
    directory: '/snapshots',
    files: new SimFs(),
    unsafeNoSync: false,
    blockBytes: 16,
    pieceBytes: 32,
  });
  onTestFinished(() => store[Symbol.asyncDispose]());
  await store.save(metaAt(9), new Stream(content, 10));
  return store;
}

function open(config: Partial<RaftConfig> = {}, store?: SnapshotStore): Promise<SenderUnderTest> {
  return SenderUnderTest.open(config, store);
}

describe('a transfer whose calls break', () => {
  test.each(['memory', 'file'] as const)(
    'ends all the same on a busy cluster (%s store)',
    async (kind) => {
      const store = kind === 'file' ? await fileStore() : undefined;
      const under = await open({}, store);
      const follower = new Follower(under);
      follower.callBytes = 40;

      await sendWhileBusy(under, store ?? under.store);

      expect(under.events).toMatchObject([{ type: 'snapshotAnswered', call: 1 }]);
      expect(new Set(under.calls.map(({ request }) => request.meta.id))).toEqual(new Set(['s9']));
      expect(follower.isOnceWhole).toBe(true);
      expect(follower.stored).toBe(contentBytes);
    },
  );

  test('asks how far it came without sending anything, and sends nothing twice', async () => {
    const under = await open();
    const follower = new Follower(under);
    follower.callBytes = 40;

    await under.send(1);
    await under.runtime.advance(20_000);

    expect(under.offsets).toEqual([0, 100, 40, 100, 80]);
    expect(follower.stored).toBe(contentBytes);
  });

  test('is given up after eight in a row, some ten seconds later', async () => {
    const under = await open();
    await under.send(1);
    await under.lastCall.stream.next();
    under.onCall = ({ refuse }) => refuse(broken);
    under.lastCall.refuse(broken);

    await under.runtime.advance(11_000);
    expect([under.calls.length, under.events.length]).toEqual([7, 0]);
    await under.runtime.advance(1000);

    expect(under.calls).toHaveLength(8);
    expect(under.events).toEqual([{ type: 'unanswered', call: 1 }]);
    expect(under.runtime.timerCount).toBe(0);
  });

  test('gives its place to others while it rests', async () => {
    const under = await open({ maxSnapshotTransfers: 1 });
    await under.send(1);
    await under.lastCall.stream.next();
    under.lastCall.refuse(broken);
    await settle();

    const release = await under.transfers.enter(new AbortController().signal);
    await under.runtime.advance(1000);
    expect(under.calls).toHaveLength(1);
    release();
    await settle();

    expect(under.calls).toHaveLength(2);
  });

  test('ends at once when it is stopped while it rests', async () => {
    const under = await open();
    await under.send(1);
    await under.lastCall.stream.next();
    under.lastCall.refuse(broken);
    await settle();

    under.sender.stop('This node no longer leads.');
    await settle();

    expect(under.events).toEqual([{ type: 'unanswered', call: 1 }]);
    expect(under.runtime.timerCount).toBe(0);
  });

  test('holds its snapshot no longer than it lasts', async () => {
    const store = await fileStore();
    const under = await open({}, store);
    const snapshot = await store.current();
    await under.send(1);
    await under.lastCall.stream.next();
    await store.save(metaAt(20), new Stream(content, 10));
    under.lastCall.refuse(broken);
    await settle();
    expect(await drain(openedAt(snapshot, 50))).toBe(50);

    under.sender.stop('This node no longer leads.');
    await settle();

    await expect(drain(openedAt(snapshot, 50))).rejects.toMatchObject({ code: 'RAFT_STOPPED' });
  });
});

test('the next transfer of the same snapshot begins where the follower was', async () => {
  const under = await open();
  await under.send(1);
  await under.answer({ stored: 30 });
  under.sender.stop('This node no longer leads.');
  await settle();

  await under.send(2);
  under.sender.stop('This node no longer leads.');
  await under.store.save(metaAt(20), new Stream(content, 10));
  await under.send(3);

  expect(under.offsets).toEqual([0, 30, 30, 0]);
});

test('a transfer gets on although each call waits for less time than one chunk takes', async () => {
  const under = await open({ snapshotBytesPerSecond: 1, snapshotStallMs: 20_000 });
  let stored = 0;
  under.onCall = ({ request, stream, refuse, answer }) => {
    stored = request.offset;
    const { runtime } = under;
    const isLate = (): void => refuse(new Error('no chunk for 8 s'));
    let timer = runtime.setTimer(isLate, 8000);
    void (async () => {
      for (;;) {
        const next = await stream.next();
        timer.cancel();
        if (next.done === true) return answer({ stored, match: 9 });
        stored += next.value.length;
        timer = runtime.setTimer(isLate, 8000);
      }
    })();
  };

  await under.send(1);
  await under.runtime.advance(200_000);

  expect(under.events).toMatchObject([{ type: 'snapshotAnswered' }]);
  expect([stored, under.calls.length]).toEqual([contentBytes, 1]);
});

test('nothing is left of a call that was answered while it waited for its bandwidth', async () => {
  const under = await open({ snapshotBytesPerSecond: 1, snapshotStallMs: stallMs });
  await under.send(1);
  const { stream } = under.lastCall;
  await stream.next();
  const next = stream.next().catch(() => undefined);
  await settle();

  await under.answer({ match: 9 });
  await next;

  expect(under.events).toMatchObject([{ type: 'snapshotAnswered' }]);
  expect(under.runtime.timerCount).toBe(0);
});

function openedAt(
  snapshot: Awaited<ReturnType<SnapshotStore['current']>>,
  from: number,
): AsyncIterator<Uint8Array> {
  if (snapshot === undefined) throw new Error('There must be a snapshot.');
  return snapshot.chunks(from)[Symbol.asyncIterator]();
}
