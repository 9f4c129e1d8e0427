import assert from 'node:assert/strict';
import type { SnapshotStore } from '../../contract/snapshot-store.ts';
import { caseWithHooks, report } from '../suite.ts';
import {
  breaking,
  collect,
  contentOf,
  metaOf,
  onNewStore,
  receiveRest,
  streamOf,
  wholeOf,
} from './new-store.ts';
import type { SnapshotStoreSuiteOptions } from './options.ts';

/** Disks that lose power, rot, or fill up. */
export function diskCases(options: SnapshotStoreSuiteOptions): void {
  powerCutCase(options);
  damageCase(options);
  spaceCases(options);
  failureCases(options);
}

/** The content that was acknowledged, and the one that was under way after it. */
interface Progress {
  saved: string;
  pending: string | undefined;
}

function powerCutCase({ test, powerCut }: SnapshotStoreSuiteOptions): void {
  caseWithHooks(
    test,
    { powerCut },
    'wherever the power is cut, the current snapshot is the old or the new one, and whole',
    async (hooks) => {
      const progress: Progress = { saved: 'none', pending: undefined };
      const stateCount = await hooks.powerCut(
        (store) => runWorkload(store, progress),
        (store) => checkAfterCut(store, progress),
      );

      assert.ok(stateCount > 0, 'The power was cut in no place.');
      report(`After a power cut, ${stateCount} states of the snapshot store were checked.`);
    },
  );
}

async function runWorkload(store: SnapshotStore, progress: Progress): Promise<void> {
  Object.assign(progress, { saved: 'none', pending: undefined });
  const makeCurrent = async (content: string, save: () => Promise<void>): Promise<void> => {
    progress.pending = content;
    await save();
    progress.saved = content;
    progress.pending = undefined;
  };
  await makeCurrent('one', () => store.save(metaOf('one', 5), streamOf('o', 'ne')));
  await makeCurrent('two', () => store.save(metaOf('two', 9), streamOf('two')));
  const receiver = await store.receive(metaOf('three', 12));
  for (const part of ['th', 'ree']) await receiver.write(Buffer.from(part));
  await makeCurrent('three', () => receiver.finish(wholeOf('three')));
}

async function checkAfterCut(store: SnapshotStore, progress: Progress): Promise<void> {
  const { saved, pending } = progress;
  const content = await contentOf(store);
  assert.ok(
    content === saved || content === pending,
    `"${content}" is current; "${saved}" was acknowledged, and "${pending}" under way.`,
  );
  if (content !== 'none') {
    const { size, checksum } = (await store.current()) ?? {};
    assert.deepEqual({ size, checksum }, wholeOf(content));
  }
  if (content === 'three') return;
  const receiver = await store.receive(metaOf('three', 12));
  assert.ok(receiver.offset <= 5, `${receiver.offset} bytes are kept of 5.`);
  await receiveRest(receiver, 'three');
  assert.equal(await contentOf(store), 'three');
}

function damageCase(options: SnapshotStoreSuiteOptions): void {
  const { test, damage } = options;
  caseWithHooks(
    test,
    { damage },
    'a damaged snapshot is never read to its end as if it were whole',
    (hooks) =>
      onNewStore(options, async (store, again) => {
        await store.save(metaOf('one', 5), streamOf('a snapshot ', 'that will rot'));
        await hooks.damage(store);

        await assert.rejects(async () => {
          const snapshot = await (await again(store)).current();
          if (snapshot === undefined) return;
          await collect(snapshot.chunks());
        }, 'The damaged snapshot was read, or is gone without a word.');
      })(),
  );
}

function spaceCases(options: SnapshotStoreSuiteOptions): void {
  const { test, storedBytes } = options;
  const size = 1024 * 1024;
  const large = (): AsyncIterable<Uint8Array> => streamOf('x'.repeat(size));

  caseWithHooks(
    test,
    { storedBytes },
    'the space of a replaced snapshot is free again once nobody reads it',
    (hooks) =>
      onNewStore(options, async (store) => {
        await store.save(metaOf('one', 5), large());
        const reading = (await store.current())?.chunks()[Symbol.asyncIterator]();
        assert.ok(reading);
        await reading.next();
        await store.save(metaOf('two', 9), streamOf('two'));
        await collect({ [Symbol.asyncIterator]: () => reading });

        const bytes = await hooks.storedBytes(store);

        assert.ok(bytes < size / 2, `${bytes} bytes are kept of 3.`);
      })(),
  );

  caseWithHooks(test, { storedBytes }, 'of a save that breaks half-way nothing remains', (hooks) =>
    onNewStore(options, async (store) => {
      await store.save(metaOf('one', 5), streamOf('one'));
      const failure = new Error('cannot build it');
      const broken = breaking('x'.repeat(size), failure);
      await assert.rejects(store.save(metaOf('two', 9), broken), failure);

      const bytes = await hooks.storedBytes(store);

      assert.ok(bytes < size / 2, `${bytes} bytes are kept of 3.`);
    })(),
  );
  caseWithHooks(
    test,
    { storedBytes },
    'of what was received and is not the whole nothing remains',
    (hooks) =>
      onNewStore(options, async (store) => {
        await store.save(metaOf('one', 5), streamOf('one'));
        const receiver = await store.receive(metaOf('two', 9));
        await receiver.write(new Uint8Array(size));
        await assert.rejects(receiver.finish(wholeOf('two')), { code: 'RAFT_DAMAGED' });

        const bytes = await hooks.storedBytes(store);

        assert.ok(bytes < size / 2, `${bytes} bytes are kept of 3.`);
      })(),
  );
}

/** Nothing was promised of what fails here, so the store goes on as if it had not begun. */
function failureCases(options: SnapshotStoreSuiteOptions): void {
  const { test, failWrite } = options;
  for (const code of ['EIO', 'ENOSPC'] as const) {
    caseWithHooks(
      test,
      { failWrite },
      `a save that the disk refuses (${code}) rejects and leaves the store as it was`,
      (hooks) =>
        onNewStore(options, async (store) => {
          await store.save(metaOf('one', 5), streamOf('one'));
          await hooks.failWrite(store, code);

          await assert.rejects(store.save(metaOf('two', 9), streamOf('two')), { code });

          assert.equal(await contentOf(store), 'one');
          await store.save(metaOf('two', 9), streamOf('two'));
          assert.equal(await contentOf(store), 'two');
        })(),
    );

    caseWithHooks(
      test,
      { failWrite },
      `a receipt that the disk refuses (${code}) rejects, and nothing of it remains`,
      (hooks) =>
        onNewStore(options, async (store) => {
          await store.save(metaOf('one', 5), streamOf('one'));
          const receiver = await store.receive(metaOf('two', 9));
          await receiver.write(Buffer.from('tw'));
          await hooks.failWrite(store, code);

          await assert.rejects(receiveRest(receiver, 'two'), { code });

          assert.equal(await contentOf(store), 'one');
          const next = await store.receive(metaOf('two', 9));
          assert.equal(next.offset, 0);
          await receiveRest(next, 'two');
          assert.equal(await contentOf(store), 'two');
        })(),
    );
  }
}
