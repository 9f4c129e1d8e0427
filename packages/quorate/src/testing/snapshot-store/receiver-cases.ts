import assert from 'node:assert/strict';
import { contentOf, metaOf, onNewStore, streamOf } from './new-store.ts';
import type { SnapshotStoreSuiteOptions } from './options.ts';

/** Snapshots that come from a leader, in pieces, over streams that break. */
export function snapshotReceiverCases(options: SnapshotStoreSuiteOptions): void {
  receiveCases(options);
  resumeCases(options);
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

      await receiver.finish();

      const reopened = await again(store);
      assert.deepEqual((await reopened.current())?.meta, metaOf('two', 9));
      assert.equal(await contentOf(reopened), 'two');
    }),
  );

  test(
    'a received snapshot of 0 bytes becomes current',
    onNewStore(options, async (store) => {
      await (await store.receive(metaOf('one', 5))).finish();

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
      await late.finish();

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
      await next.finish();

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
    'a receiver that was replaced or has ended refuses to write',
    onNewStore(options, async (store) => {
      const old = await store.receive(metaOf('one', 5));
      await old.write(Buffer.from('on'));
      const next = await store.receive(metaOf('one', 5));

      await assert.rejects(old.write(Buffer.from('x')), { code: 'RAFT_STOPPED' });
      await assert.rejects(old.finish(), { code: 'RAFT_STOPPED' });
      await old.discard();
      await next.write(Buffer.from('e'));
      await next.finish();
      await next.discard();

      await assert.rejects(next.write(Buffer.from('x')), { code: 'RAFT_STOPPED' });
      assert.equal(await contentOf(store), 'one');
    }),
  );
}
