import assert from 'node:assert/strict';
import type { InstallSnapshotRequest } from '../../core/message.ts';
import { nodeRuntime } from '../../platform/runtime.ts';
import { caller, codeOf, connected, rejectionOf } from './connected.ts';
import type { NetworkSuiteOptions } from './options.ts';
import { Latch } from './recording-rpc.ts';

export const snapshotRequest: InstallSnapshotRequest = {
  term: 3,
  leader: 'a',
  meta: {
    id: 'snapshot-1',
    lastLogId: { term: 2, index: 9 },
    membership: {
      cluster: 'cluster-1',
      voters: [['a', 'b']],
      nodes: { a: {}, b: { address: '10.0.0.2:7' } },
      logId: { term: 1, index: 1 },
    },
  },
  offset: 0,
  size: 300_002,
  checksum: 0xfedcba98,
};

const chunkBytes = 64 * 1024;

/** Snapshots cross as streams: bounded memory, back-pressure, and a clear end when they break. */
export function snapshotCases({ test, open }: NetworkSuiteOptions): void {
  test('a snapshot arrives with its request and content, in chunks of any size', () =>
    connected(open, async ({ node, peer }) => {
      const sent = [new Uint8Array([10]), new Uint8Array(0), bytesOf(300_000), new Uint8Array([1])];
      const received: Uint8Array[] = [];
      node.onSnapshot = async (chunks) => {
        for await (const chunk of chunks) received.push(chunk.slice());
        return Buffer.concat(received).byteLength;
      };

      const response = await peer.installSnapshot(snapshotRequest, streamOf(sent), caller);

      assert.deepEqual(response, { term: 3, stored: 300_002, match: 0 });
      assert.ok(Buffer.concat(received).equals(Buffer.concat(sent)));
      assert.deepEqual(node.arrivals[0]?.request, snapshotRequest);
      assert.deepEqual(node.arrivals[0]?.options?.from, caller.from);
    }));

  test('a snapshot of 0 bytes arrives', () =>
    connected(open, async ({ peer }) => {
      const response = await peer.installSnapshot(
        { ...snapshotRequest, offset: 17 },
        streamOf([]),
        caller,
      );

      assert.equal(response.stored, 17);
    }));

  test('a maker may fill the same buffer again for each chunk', () =>
    connected(open, async ({ node, peer }) => {
      let sum = 0;
      node.onSnapshot = async (chunks) => {
        for await (const chunk of chunks) for (const byte of chunk) sum += byte;
        return sum;
      };

      await peer.installSnapshot(snapshotRequest, sameBufferAgain(20), caller);

      assert.equal(sum, 1000 * ((20 * 21) / 2));
    }));

  test('a slow reader holds the sender back', () =>
    connected(open, async ({ node, peer }) => {
      const mayRead = new Latch();
      const progress = { made: 0 };
      node.onSnapshot = async (chunks) => {
        await mayRead.promise;
        let count = 0;
        for await (const chunk of chunks) count += chunk.byteLength;
        return count;
      };
      const chunkCount = 1024;
      const call = peer.installSnapshot(snapshotRequest, counted(chunkCount, progress), caller);

      await standstill(progress);
      const madeWhileBlocked = progress.made;
      mayRead.open();
      const response = await call;

      assert.ok(madeWhileBlocked < chunkCount / 2, `${madeWhileBlocked} chunks were made`);
      assert.equal(response.stored, chunkCount * chunkBytes);
    }));

  test('a receiver may answer at once and take nothing, and the next call works', () =>
    connected(open, async ({ node, peer }) => {
      node.onSnapshot = async () => 5;

      const response = await peer.installSnapshot(
        snapshotRequest,
        counted(1024, { made: 0 }),
        caller,
      );

      assert.equal(response.stored, 5);
      assert.deepEqual(await peer.identify(caller), node.identified);
    }));

  test('a receiver may stop half-way, and the next call works', () =>
    connected(open, async ({ node, peer }) => {
      node.onSnapshot = async (chunks) => {
        for await (const chunk of chunks) return chunk.byteLength;
        return 0;
      };

      const response = await peer.installSnapshot(
        snapshotRequest,
        counted(1024, { made: 0 }),
        caller,
      );

      assert.ok(response.stored > 0);
      assert.deepEqual(await peer.identify(caller), node.identified);
    }));

  test('a stream that was cut is resumed where its receiver says', () =>
    connected(open, async ({ node, peer }) => {
      const sent = bytesOf(4 * chunkBytes);
      let stored = Buffer.alloc(0);
      node.onSnapshot = async (chunks) => {
        const before = stored.byteLength;
        for await (const chunk of chunks) {
          stored = Buffer.concat([stored, chunk]);
          if (before === 0 && stored.byteLength >= chunkBytes) break;
        }
        return stored.byteLength - before;
      };

      const cut = await peer.installSnapshot(snapshotRequest, streamOf(cutUp(sent)), caller);
      const request = { ...snapshotRequest, offset: cut.stored };
      const rest = streamOf(cutUp(sent.subarray(cut.stored)));
      const whole = await peer.installSnapshot(request, rest, caller);

      assert.ok(cut.stored < sent.byteLength);
      assert.equal(whole.stored, sent.byteLength);
      assert.ok(stored.equals(sent));
      assert.deepEqual(node.arrivals[1]?.request, request);
    }));

  test('a source that breaks rejects with its own error, and the receiver sees a broken stream', () =>
    connected(open, async ({ node, peer }) => {
      const broken = new Latch<unknown>();
      node.onSnapshot = async (chunks) => {
        const error = await rejectionOf(drain(chunks));
        broken.open(error);
        throw error;
      };
      const failure = new Error('cannot read the disk');

      const error = await rejectionOf(
        peer.installSnapshot(snapshotRequest, breaking(failure), caller),
      );

      assert.equal(error, failure);
      assert.ok((await broken.promise) instanceof Error);
    }));

  test('an abort half-way breaks the stream on both sides', () =>
    connected(open, async ({ node, peer }) => {
      const started = new Latch();
      const broken = new Latch<unknown>();
      node.onSnapshot = async (chunks) => {
        started.open();
        const error = await rejectionOf(drain(chunks));
        broken.open(error);
        throw error;
      };
      const controller = new AbortController();
      const reason = new Error('enough');
      const call = rejectionOf(
        peer.installSnapshot(snapshotRequest, endless(), { ...caller, signal: controller.signal }),
      );
      await started.promise;

      controller.abort(reason);

      assert.equal(await call, reason);
      assert.ok((await broken.promise) instanceof Error);
    }));

  test('a receiver that goes away half-way is unreachable', () =>
    connected(open, async ({ under, node, peer }) => {
      const started = new Latch();
      node.onSnapshot = async (chunks) => {
        for await (const chunk of chunks) {
          started.open();
          await under.stop('b');
          return chunk.byteLength;
        }
        return 0;
      };

      const error = await rejectionOf(peer.installSnapshot(snapshotRequest, endless(), caller));

      await started.promise;
      assert.equal(codeOf(error), 'RAFT_UNREACHABLE');
    }));
}

function bytesOf(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => (at * 31) % 251);
}

function cutUp(bytes: Uint8Array): Uint8Array[] {
  const count = Math.ceil(bytes.byteLength / chunkBytes);
  return Array.from({ length: count }, (_, at) =>
    bytes.subarray(at * chunkBytes, (at + 1) * chunkBytes),
  );
}

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function* sameBufferAgain(count: number): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(1000);
  for (let value = 1; value <= count; value += 1) yield buffer.fill(value);
}

async function* counted(count: number, progress: { made: number }): AsyncGenerator<Uint8Array> {
  for (; progress.made < count; progress.made += 1) yield new Uint8Array(chunkBytes);
}

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) {
    yield new Uint8Array(chunkBytes);
    await turn();
  }
}

async function* breaking(failure: Error): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(chunkBytes);
  throw failure;
}

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const reading = chunks[Symbol.asyncIterator]();
  while ((await reading.next()).done !== true) await turn();
}

function turn(): Promise<void> {
  return new Promise((resolve) => nodeRuntime.yieldToIo(resolve));
}

/** Waits until nothing more is made for many turns of the event loop. */
async function standstill(progress: { readonly made: number }): Promise<void> {
  let made = progress.made;
  for (let quietTurns = 0; quietTurns < 2000; quietTurns += 1) {
    await turn();
    if (progress.made !== made) quietTurns = 0;
    made = progress.made;
  }
}
