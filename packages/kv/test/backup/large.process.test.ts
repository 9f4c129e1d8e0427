import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { nodeRuntime } from 'quorate';
import { TcpClient, TcpServer } from 'quorate/network/tcp';
import { expect, test } from 'vitest';

import { verifyBackup } from '../../src/backup/verify.ts';
import { encodeSnapshotRequest, snapshotChannelName } from '../../src/protocol/snapshots.ts';
import { Snapshotting } from '../../src/server/member/snapshotting.ts';
import { snapshotHandler } from '../../src/server/native/snapshot-handler.ts';
import type { KvService } from '../../src/server/service.ts';
import { KvStore } from '../../src/store/store.ts';
import { bytes, run } from '../store/kit.ts';

const megabyte = 1_000_000;
const storeBytes = 60 * megabyte;

function largeStore(): KvStore {
  const store = new KvStore();
  for (let at = 0; at < storeBytes / megabyte; at += 1) {
    run(store, { type: 'put', key: bytes(`large/${at}`), value: Buffer.alloc(megabyte, at) });
  }
  return store;
}

/** What a member has, without its log, whose memory would be in the way. */
function serviceOf(store: KvStore): Pick<KvService, 'snapshot'> {
  const raft = {
    id: 'a',
    metrics: { membership: { cluster: 'c' }, applied: { index: 7, term: 2 } },
  } as unknown as ConstructorParameters<typeof Snapshotting>[0]['raft'];
  const health = { demandServing: () => undefined };
  const runtime = nodeRuntime;
  const snapshotting = new Snapshotting({
    ...{ raft, store, health, runtime, wallClock: Date.now },
    compareStates: async () => undefined,
  });
  return { snapshot: (context) => snapshotting.read(context) };
}

test('a large store that is read slowly takes little memory beside it', async () => {
  const store = largeStore();
  await using server = await TcpServer.listen({ host: '127.0.0.1' });
  server.handle(snapshotChannelName, snapshotHandler(serviceOf(store) as KvService));
  await using client = new TcpClient(`127.0.0.1:${server.port}`);
  const before = liveBytes();

  let most = 0;
  let read = 0;
  let lookAt = 0;
  const slowly = (async function* () {
    const request = encodeSnapshotRequest({ serializable: true });
    for await (const chunk of client.channel(snapshotChannelName).stream(request)) {
      read += chunk.length;
      if (read >= lookAt) {
        // Whoever is to send more has time to do so, if nothing holds it back.
        most = Math.max(most, await settledBytes());
        lookAt = read + 5 * megabyte;
      }
      yield chunk;
    }
  })();
  const { content } = await verifyBackup(slowly, { name: 'it' });

  expect(content.hash).toBe(store.hash());
  expect(read).toBeGreaterThan(storeBytes);
  expect(most - before).toBeLessThan(20 * megabyte);
});

/** Lets everything that is ready happen, so many times over. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

/** What stays in use: buffers of sockets go some turns after a collection has found them. */
async function settledBytes(): Promise<number> {
  let least = Infinity;
  for (let look = 0; look < 4; look += 1) {
    await turns(500);
    least = Math.min(least, liveBytes());
  }
  return least;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What is in use, without what only waits to be collected. */
function liveBytes(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
