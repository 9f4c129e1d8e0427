import assert from 'node:assert/strict';
import {
  collect,
  contentOf,
  metaOf,
  onNewStore,
  receiveRest,
  streamOf,
  wholeOf,
} from './new-store.ts';
import type { SnapshotStoreSuiteOptions } from './options.ts';

/** Snapshots that come from a leader, in pieces, over streams that break. */
export function snapshotReceiverCases(options: SnapshotStoreSuiteOptions): void {
  receiveCases(options);
  wrongWholeCases(options);
  resumeCases(options);
  takeOverCases(options);
}

function receiveCases(options: SnapshotStoreSuiteOptions): void {
  const { test } = options;

  test(
    'a received snapshot becomes current when it is finished, and not before',
    onNewStore(options, async (store, again) => {
      await store.save(metaOf('one', 5), streamOf('one'));
      const receiver = await store.receive(metaOf('two', 9));
      assert.equal(receiver.offset, 0);
      await receiver.write(Buffer.from('tw'));
      await receiver.write(Buffer.from('o'));
      assert.equal(receiver.offset, 3);
      assert.equal(await contentOf(store), 'one');

      await receiver.finish(wholeOf('two'));

      const reopened = await again(store);
      const { meta, size, checksum } = (await reopened.current()) ?? {};
      assert.deepEqual(meta, metaOf('two', 9));
      assert.deepEqual({ size, checksum }, wholeOf('two'));
      assert.equal(await contentOf(reopened), 'two');
    }),
  );

  test(
    'a received snapshot of 0 bytes becomes current',
    onNewStore(options, async (store) => {
      await (await store.receive(metaOf('one', 5))).finish(wholeOf(''));

      assert.equal(await contentOf(store), '');
    }),
  );

  test(
    'one that is older than the current one when it is finished is dropped',
    onNewStore(options, async (store) => {
      const receiver = await store.receive(metaOf('two', 9));
      await receiver.write(Buffer.from('two'));
      await store.save(metaOf('one', 5), streamOf('one'));
      const late = await store.receive(metaOf('late', 3));
      await late.finish(wholeOf(''));

      assert.equal(await contentOf(store), 'one');
    }),
  );

  test(
    'a discarded one begins again at 0',
    onNewStore(options, async (store, again) => {
      const receiver = await store.receive(metaOf('one', 5));
      await receiver.write(Buffer.from('on'));
      await receiver.discard();
      await receiver.discard();

      const next = await (await again(store)).receive(metaOf('one', 5));

      assert.equal(next.offset, 0);
    }),
  );
}

/** What a leader says that it has sent, and what has come. */
function wrongWholeCases(options: SnapshotStoreSuiteOptions): void {
  const { test } = options;
  const right = wholeOf('two');
  const wrongs = [
    { what: 'another checksum', whole: { ...right, checksum: (right.checksum ^ 1) >>> 0 } },
    { what: 'a larger size', whole: { ...right, size: right.size + 1 } },
    { what: 'a smaller size', whole: { ...right, size: right.size - 1 } },
  ];
  for (const { what, whole } of wrongs) {
    test(
      `one that should have ${what} is refused as damaged, and nothing of it remains`,
      onNewStore(options, async (store, again) => {
        await store.save(metaOf('one', 5), streamOf('one'));
        const receiver = await store.receive(metaOf('two', 9));
        await receiver.write(Buffer.from('two'));

        await assert.rejects(receiver.finish(whole), { code: 'RAFT_DAMAGED' });

        await assert.rejects(receiver.write(Buffer.from('x')), { code: 'RAFT_STOPPED' });
        await assert.rejects(receiver.finish(right), { code: 'RAFT_STOPPED' });
        const reopened = await again(store);
        assert.equal(await contentOf(reopened), 'one');
        const next = await reopened.receive(metaOf('two', 9));
        assert.equal(next.offset, 0);
        await receiveRest(next, 'two');
        assert.equal(await contentOf(reopened), 'two');
      }),
    );
  }
}

function resumeCases(options: SnapshotStoreSuiteOptions): void {
  const { test } = options;

  test(
    'a broken one is resumed where it was',
    onNewStore(options, async (store, again) => {
      const receiver = await store.receive(metaOf('one', 5));
      await receiver.write(Buffer.from('on'));

      const reopened = await again(store);
      const next = await reopened.receive(metaOf('one', 5));
      assert.equal(next.offset, 2);
      await next.write(Buffer.from('e'));
      await next.finish(wholeOf('one'));

      assert.equal(await contentOf(reopened), 'one');
    }),
  );

  test(
    'when another id begins, the first is dropped',
    onNewStore(options, async (store) => {
      await (await store.receive(metaOf('one', 5))).write(Buffer.from('one'));
      await (await store.receive(metaOf('two', 9))).write(Buffer.from('tw'));

      const first = await store.receive(metaOf('one', 5));

      assert.equal(first.offset, 0);
    }),
  );

  test(
    'when the node saves a newer one, what was received is dropped; an older one leaves it alone',
    onNewStore(options, async (store) => {
      await (await store.receive(metaOf('two', 9))).write(Buffer.from('tw'));
      await store.save(metaOf('one', 5), streamOf('one'));
      assert.equal((await store.receive(metaOf('two', 9))).offset, 2);

      await store.save(metaOf('three', 12), streamOf('three'));

      assert.equal((await store.receive(metaOf('two', 9))).offset, 0);
    }),
  );

  test(
    'a large one is resumed after each of many breaks, and comes out whole',
    onNewStore(options, async (store, again) => {
      const content = Uint8Array.from({ length: 300_000 }, (_, at) => (at * 31) % 251);
      let reopened = store;
      let offset = 0;
      for (const size of [1, 65_535, 65_536, 65_537, 100_000]) {
        const receiver = await reopened.receive(metaOf('one', 5));
        // A process that dies may take the last bytes with it; they are sent again.
        assert.ok(receiver.offset <= offset, `${receiver.offset} bytes are kept of ${offset}.`);
        assert.ok(receiver.offset >= offset / 2, `${receiver.offset} bytes are kept of ${offset}.`);
        offset = receiver.offset + size;
        await receiver.write(content.subarray(receiver.offset, offset));
        reopened = await again(reopened);
      }

      const last = await reopened.receive(metaOf('one', 5));
      await last.write(content.subarray(last.offset));
      await last.finish(wholeOf(content));

      const snapshot = await (await again(reopened)).current();
      assert.ok(snapshot);
      assert.ok((await collect(snapshot.chunks())).equals(content));
    }),
  );
}

function takeOverCases(options: SnapshotStoreSuiteOptions): void {
  const { test } = options;

  test(
    'a receiver of another id takes over too',
    onNewStore(options, async (store) => {
      const old = await store.receive(metaOf('one', 5));
      await old.write(Buffer.from('one'));
      const next = await store.receive(metaOf('two', 9));

      await assert.rejects(old.write(Buffer.from('x')), { code: 'RAFT_STOPPED' });
      await assert.rejects(old.finish(wholeOf('one')), { code: 'RAFT_STOPPED' });
      await old.discard();
      await receiveRest(next, 'two');

      assert.equal(await contentOf(store), 'two');
    }),
  );

  test(
    'what an old receiver is still writing when another takes over does not get mixed up',
    onNewStore(options, async (store) => {
      const content = Uint8Array.from({ length: 5_000_000 }, (_, at) => (at * 31) % 251);
      const old = await store.receive(metaOf('one', 5));
      const writing = old.write(content.subarray(0, 4_000_000)).catch((error: unknown) => error);
      const next = await store.receive(metaOf('one', 5));

      await next.write(content.subarray(next.offset));
      await next.finish(wholeOf(content));

      const error = await writing;
      assert.ok(error === undefined || (error as { code?: unknown }).code === 'RAFT_STOPPED');
      const snapshot = await store.current();
      assert.ok(snapshot);
      assert.ok((await collect(snapshot.chunks())).equals(content));
    }),
  );

  test(
    'a receiver that was replaced or has ended refuses to write',
    onNewStore(options, async (store) => {
      const old = await store.receive(metaOf('one', 5));
      await old.write(Buffer.from('on'));
      const next = await store.receive(metaOf('one', 5));

      await assert.rejects(old.write(Buffer.from('x')), { code: 'RAFT_STOPPED' });
      await assert.rejects(old.finish(wholeOf('on')), { code: 'RAFT_STOPPED' });
      await old.discard();
      await next.write(Buffer.from('e'));
      await next.finish(wholeOf('one'));
      await next.discard();

      await assert.rejects(next.write(Buffer.from('x')), { code: 'RAFT_STOPPED' });
      assert.equal(await contentOf(store), 'one');
    }),
  );
}
