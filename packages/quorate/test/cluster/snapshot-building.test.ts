import { describe, expect, test } from 'vitest';
import { Cluster, calm, outcomeOf, quick, soon, turns } from './kit.ts';
import { bare, purgeAll, writeMany } from './snapshot-kit.ts';

const three = ['a', 'b', 'c'];

/** Chunks of a state that are handed out only when the test lets them. */
function slowly(chunks: readonly Uint8Array[]): {
  readonly stream: AsyncIterable<Uint8Array>;
  readonly asked: Promise<void>;
  readonly open: () => void;
} {
  const asked = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  const stream = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    asked.resolve();
    await opened.promise;
    yield* chunks;
  };
  return { stream: stream(), asked: asked.promise, open: opened.resolve };
}

describe('a snapshot by policy', () => {
  test('is built on every node by itself, again and again, and the log stays short', async () => {
    const config = { ...bare, snapshotAfterEntries: 20 };
    await using cluster = await Cluster.of(three, { config });

    let last = 0;
    for (let round = 0; round < 100; round += 1) last = await writeMany(cluster.first, 1);
    await cluster.awaitApplied(last);

    for (const node of cluster.all) {
      await node.waitFor(({ purged }) => purged.index > last - 25);
      expect(node.metrics.snapshot.index).toBeGreaterThanOrEqual(node.metrics.purged.index);
      expect(node.machine.commands).toHaveLength(100);
      expect(node.machine.restored).toEqual([]);
    }
  });

  test('counts each entry once, also where one step commits many batches', async () => {
    const config = { ...bare, snapshotAfterEntries: 1000, maxAppendBytes: 1000 };
    await using cluster = await Cluster.of(['a'], { config });

    const last = await writeMany(cluster.first, 500);
    await cluster.awaitApplied(last);
    await turns(20);

    expect(last).toBeLessThan(1000);
    expect(await cluster.first.storage.snapshots.current()).toBeUndefined();
  });

  test('that cannot be built shows in the metrics until one can', async () => {
    const config = { ...bare, snapshotAfterEntries: 5 };
    await using cluster = await Cluster.of(['a'], { config });
    const { storage } = cluster.first;
    const save = storage.snapshots.save.bind(storage.snapshots);
    storage.snapshots.save = () => Promise.reject(new Error('no room'));
    await writeMany(cluster.first, 10);

    await cluster.first.waitFor(({ snapshotFailure }) => snapshotFailure === 'no room');
    storage.snapshots.save = save;

    // Nothing more is written.
    await cluster.first.waitFor(({ snapshot }) => snapshot.index > 0);
    expect(cluster.first.metrics.snapshotFailure).toBeUndefined();
  });

  test('goes by bytes, and by the size of the last one', async () => {
    const config = { ...bare, snapshotAfterBytes: 1000 };
    await using cluster = await Cluster.of(['a'], { config });
    let saves = 0;
    const { snapshots } = cluster.first.storage;
    const save = snapshots.save.bind(snapshots);
    snapshots.save = (meta, chunks) => {
      saves += 1;
      return save(meta, chunks);
    };

    for (let round = 0; round < 300; round += 1) await writeMany(cluster.first, 1);
    await cluster.first.waitFor(({ snapshot }) => snapshot.index > 1);

    // About 20,000 bytes of log: by 1000 bytes alone it would be built 19 times.
    expect(saves).toBeGreaterThan(1);
    expect(saves).toBeLessThan(12);
  });

  test('of a long log at a start covers exactly what it says', async () => {
    await using cluster = await Cluster.of(['a'], { config: { ...quick, keepBytes: 0 } });
    await writeMany(cluster.first, 200);

    // The whole log is applied in many batches without a pause, and is due in the middle.
    await cluster.restart('a', { snapshotAfterEntries: 50, maxAppendBytes: 200 });
    await cluster.awaitLeader();
    await cluster.first.awaitCommands(200);
    await cluster.first.waitFor(({ snapshot }) => snapshot.index > 0);
    await writeMany(cluster.first, 1);
    await cluster.restart('a');
    await cluster.awaitLeader();

    const { commands, logIds } = cluster.first.machine;
    expect(commands).toHaveLength(201);
    expect(new Set(logIds.map(({ index }) => index)).size).toBe(201);
  });
});

describe('a snapshot on demand', () => {
  test('twice in a row is one if nothing happened, and two if something did', async () => {
    await using cluster = await Cluster.of(['a'], { config: bare });
    const { raft, storage } = cluster.first;
    await writeMany(cluster.first, 5);
    const first = await raft.takeSnapshot(soon());
    const id = (await storage.snapshots.current())?.meta.id;

    expect(await raft.takeSnapshot(soon())).toEqual(first);
    expect((await storage.snapshots.current())?.meta.id).toBe(id);
    const last = await writeMany(cluster.first, 1);

    expect((await raft.takeSnapshot(soon())).index).toBe(last);
  });

  test('works on a follower, and concerns no other node', async () => {
    await using cluster = await Cluster.of(three, { config: bare });
    const last = await writeMany(cluster.first, 5);
    await cluster.awaitApplied(last);

    await purgeAll(cluster.node('b'));

    expect(cluster.node('b').metrics.purged.index).toBe(last);
    expect(cluster.first.metrics.purged.index).toBe(0);
    expect(await writeMany(cluster.first, 5)).toBe(last + 5);
  });

  test('can be given up by who asked; it is built all the same', async () => {
    await using cluster = await Cluster.of(['a'], { config: bare });
    const last = await writeMany(cluster.first, 5);
    const controller = new AbortController();

    const taken = cluster.first.raft.takeSnapshot({ signal: controller.signal });
    controller.abort(new Error('enough'));

    await expect(taken).rejects.toThrow('enough');
    await cluster.first.waitFor(({ snapshot }) => snapshot.index === last);
  });

  test('keeps the log behind it that the options say', async () => {
    const config = { ...calm, keepBytes: 20_000 };
    await using cluster = await Cluster.of(['a'], { config });
    let last = 0;
    for (let round = 0; round < 400; round += 1) last = await writeMany(cluster.first, 1);
    await cluster.first.raft.takeSnapshot(soon());
    await cluster.first.waitFor(({ purged }) => purged.index > 0);

    const { purged } = cluster.first.metrics;
    const keptBytes = (last - purged.index) * 70;
    expect(keptBytes).toBeGreaterThan(19_000);
    expect(keptBytes).toBeLessThan(30_000);
    expect(await cluster.first.store.state()).toMatchObject({ purged });
  });
});

describe('while a snapshot is built', () => {
  test('writes are stored and applied, and none of them is in it', async () => {
    await using cluster = await Cluster.of(three, { config: bare });
    const { raft, machine } = cluster.first;
    const covered = await writeMany(cluster.first, 5);
    const chunks = await machine.snapshot();
    const slow = slowly(chunks);
    machine.snapshot = async () => slow.stream as unknown as Uint8Array[];

    const taken = raft.takeSnapshot(soon());
    await slow.asked;
    const last = await writeMany(cluster.first, 50);
    expect(machine.commands).toHaveLength(55);
    await raft.readBarrier(soon());
    slow.open();

    expect((await taken).index).toBe(covered);
    await cluster.first.waitFor(({ purged }) => purged.index === covered);
    expect(cluster.first.metrics.last.index).toBe(last);
  });

  test('the node closes without waiting for the rest of it', async () => {
    await using cluster = await Cluster.of(['a'], { config: bare });
    const { raft, machine, storage } = cluster.first;
    await writeMany(cluster.first, 50);
    machine.chunkBytes = 16;
    const chunks = await machine.snapshot();
    let handedOut = 0;
    const half = Promise.withResolvers<void>();
    machine.snapshot = async () => {
      const stream = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
        for (const chunk of chunks) {
          handedOut += 1;
          if (handedOut === 10) half.resolve();
          await turns(1);
          yield chunk;
        }
      };
      return stream() as unknown as Uint8Array[];
    };

    const taken = outcomeOf(raft.takeSnapshot(soon()));
    await half.promise;
    await raft.close();

    expect(await taken).toMatchObject({ code: 'RAFT_STOPPED' });
    expect(handedOut).toBeLessThan(chunks.length);
    expect(await storage.snapshots.current()).toBeUndefined();
  });
});

describe('a snapshot that cannot be built', () => {
  test('because the store fails is reported, and the node goes on with its log', async () => {
    const config = { ...bare, snapshotAfterEntries: 3 };
    await using cluster = await Cluster.of(['a'], { config });
    const { raft, storage } = cluster.first;
    const { snapshots } = storage;
    const save = snapshots.save.bind(snapshots);
    snapshots.save = async (_meta, chunks) => {
      for await (const chunk of chunks) expect(chunk.length).toBeGreaterThan(0);
      throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
    };

    await writeMany(cluster.first, 20);
    await expect(raft.takeSnapshot(soon())).rejects.toThrow('no room');
    const last = await writeMany(cluster.first, 5);
    expect(cluster.first.metrics).toMatchObject({ isRunning: true, fatal: undefined });
    expect(cluster.first.metrics.purged.index).toBe(0);
    snapshots.save = save;

    expect((await raft.takeSnapshot(soon())).index).toBe(last);
  });

  test.each<[string, () => unknown, string]>([
    ['throws', () => Promise.reject(new Error('busy')), 'busy'],
    ['returns its bytes', async () => Uint8Array.of(1), 'must return an iterable of Uint8Array'],
    ['hands out texts', async () => ['text'], 'one is string text'],
  ])('because snapshot() %s is reported, and writes go on', async (_name, snapshot, message) => {
    await using cluster = await Cluster.of(['a'], { config: bare });
    const { raft, machine } = cluster.first;
    await writeMany(cluster.first, 5);
    machine.snapshot = snapshot as typeof machine.snapshot;

    await expect(raft.takeSnapshot(soon())).rejects.toThrow(message);

    await writeMany(cluster.first, 5);
    expect(machine.commands).toHaveLength(10);
    expect(cluster.first.metrics.snapshot.index).toBe(0);
  });

  test('because the node has stopped is refused with the reason of that', async () => {
    await using cluster = await Cluster.of(['a'], { config: bare });
    const { raft, machine } = cluster.first;
    await writeMany(cluster.first, 5);
    const slow = slowly([]);
    machine.snapshot = async () => slow.stream as unknown as Uint8Array[];
    const taken = outcomeOf(raft.takeSnapshot(soon()));
    await slow.asked;
    machine.onApply = () => {
      throw new Error('out of order');
    };

    await outcomeOf(raft.write('x', soon()));
    slow.open();

    expect(await taken).toMatchObject({ code: 'RAFT_FATAL' });
    await expect(raft.takeSnapshot(soon())).rejects.toMatchObject({ code: 'RAFT_FATAL' });
  });
});

test('the log is not purged of entries that are on their way to a follower', async () => {
  const config = { ...bare, tailCacheBytes: 1 };
  await using cluster = await Cluster.of(three, { config });
  await writeMany(cluster.first, 1);
  await cluster.stop('c');
  const last = await writeMany(cluster.first, 20);
  const reading = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  cluster.first.store.onRead = async (entries) => {
    reading.resolve();
    await opened.promise;
    return entries;
  };

  const node = await cluster.start('c');
  await reading.promise;
  await cluster.first.raft.takeSnapshot(soon());
  await turns(20);
  expect(cluster.first.metrics.snapshot.index).toBe(last);
  expect((await cluster.first.store.state()).purged.index).toBeLessThan(last);
  opened.resolve();
  await cluster.awaitApplied(last);

  await cluster.first.waitFor(({ purged }) => purged.index === last);
  expect(node.machine.restored).toEqual([]);
});
