import { describe, expect, test } from 'vitest';

import { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';
import {
  collect,
  contentOf,
  metaOf,
  streamOf,
  wholeOf,
} from '../../src/testing/snapshot-store/new-store.ts';
import {
  chunksOf,
  contentFor,
  halting,
  killed,
  metaFor,
  openSnapshots,
  type Planned,
  rejectionOf,
  snapshotDirectory,
  snapshotFiles,
} from './snapshots-under-test.ts';

const large: Planned = { index: 4, size: 5000 };

describe('the files of snapshots', () => {
  test('are read back by the next process, whatever stands in the id', async () => {
    const files = new SimFs();
    const store = await openSnapshots(files);
    const id = '../../a/b\\c\u0000 "é"\n';

    await store.save(metaOf(id, 5), streamOf('one'));

    const again = await openSnapshots(killed(files));
    expect((await again.current())?.meta).toEqual(metaOf(id, 5));
    expect(await snapshotFiles(files)).toEqual([`${snapshotDirectory}/0000000000000002.snap`]);
  });

  test('left by a process that died are removed, all but the newest snapshot and part', async () => {
    const files = new SimFs();
    const store = await openSnapshots(files);
    await store.save(metaOf('one', 5), streamOf('one'));
    const reading = (await store.current())?.chunks()[Symbol.asyncIterator]();
    await reading?.next();
    await store.save(metaOf('two', 6), streamOf('two'));
    const { chunks } = halting('three');
    store.save(metaOf('three', 7), chunks).catch(() => undefined);
    const receiver = await store.receive(metaOf('four', 8));
    await receiver.write(Buffer.from('fo'));
    expect(await snapshotFiles(files)).toHaveLength(4);

    const left = killed(files);
    const again = await openSnapshots(left);

    expect(await snapshotFiles(left)).toHaveLength(2);
    expect(await contentOf(again)).toBe('two');
    expect((await again.receive(metaOf('four', 8))).offset).toBe(2);
  });

  test('of a part that the node has passed, or whose head is torn, are removed', async () => {
    const files = new SimFs();
    const store = await openSnapshots(files);
    await (await store.receive(metaOf('old', 5))).write(Buffer.from('ol'));
    const [part = ''] = await snapshotFiles(files);
    const torn = killed(files);
    torn.flipBit(part, 30, 0);
    files.fail({ type: 'unlink', code: 'EIO' });
    await store.save(metaOf('new', 5), streamOf('new'));
    const passed = killed(files);
    expect(await snapshotFiles(passed)).toHaveLength(2);

    await openSnapshots(torn);
    await openSnapshots(passed);

    expect(await snapshotFiles(torn)).toEqual([]);
    expect(await snapshotFiles(passed)).toHaveLength(1);
  });

  test('of another version are refused and left alone', async () => {
    const files = new SimFs();
    const store = await openSnapshots(files);
    await store.save(metaOf('one', 5), streamOf('one'));
    const [path = ''] = await snapshotFiles(files);
    await writeVersion(files, path, '2');
    const before = files.digest();

    const error = await rejectionOf(openSnapshots(files));

    expect(error).toMatchObject({ code: 'RAFT_UNSUPPORTED' });
    expect(String(error)).toContain(`${path} has version 2 of the format`);
    expect(files.digest()).toBe(before);
  });
});

/** Makes it a right head of another version. */
async function writeVersion(files: SimFs, path: string, version: string): Promise<void> {
  const { crc32 } = await import('node:zlib');
  const file = await files.open(path, { mode: 'write' });
  const bytes = Buffer.alloc(await file.size());
  await file.read(bytes, 0);
  bytes.write(version, 7);
  const meta = bytes.subarray(20, 20 + bytes.readUInt32LE(8));
  bytes.writeUInt32LE(crc32(meta, crc32(bytes.subarray(0, 16))), 16);
  await file.write([bytes], 0);
  await file.sync();
  await file.close();
}

describe('a snapshot store in files', () => {
  test('reads only the blocks from the offset on', async () => {
    const files = new SimFs();
    const store = await openSnapshots(files);
    await store.save(metaFor(large), chunksOf(large));
    const positions: number[] = [];
    const snapshot = await store.current();
    // A fault that hits nothing sees every read.
    files.fail({
      type: 'read',
      code: 'EIO',
      where: ({ position = 0 }) => {
        positions.push(position);
        return false;
      },
    });

    const read = await collect(snapshot?.chunks(4700) ?? streamOf());

    expect(read.equals(contentFor(large.index, large.size).subarray(4700))).toBe(true);
    expect(Math.min(...positions)).toBeGreaterThan(4499);
  });

  test('hands out a snapshot that was replaced only to those who read it already', async () => {
    const store = await openSnapshots(new SimFs());
    await store.save(metaFor(large), chunksOf(large));
    const old = await store.current();
    const reading = old?.chunks()[Symbol.asyncIterator]();
    await reading?.next();
    await store.save(metaOf('two', 9), streamOf('two'));

    const beside = await collect(old?.chunks() ?? streamOf());
    await reading?.return?.(undefined);
    const error = await rejectionOf(collect(old?.chunks() ?? streamOf()));

    expect(beside).toHaveLength(large.size);
    expect(error).toMatchObject({ code: 'RAFT_STOPPED' });
    expect(String(error)).toContain('was replaced by a newer one');
  });

  test('saves and receives at the same time; the newer one stays', async () => {
    const store = await openSnapshots(new SimFs());
    const { chunks, goOn } = halting('nine');
    const saving = store.save(metaOf('nine', 9), chunks);
    const receiver = await store.receive(metaFor(large));
    const content = contentFor(large.index, large.size);
    await receiver.write(content);
    await receiver.finish(wholeOf(content));
    expect((await store.current())?.meta).toEqual(metaFor(large));

    goOn();
    await saving;

    expect(await contentOf(store)).toBe('ninenine');
  });

  test('drops what became older than the current one while it was saved', async () => {
    const files = new SimFs();
    const store = await openSnapshots(files);
    const { chunks, goOn } = halting('three');
    const saving = store.save(metaOf('three', 3), chunks);
    const receiver = await store.receive(metaFor(large));
    const content = contentFor(large.index, large.size);
    await receiver.write(content);
    await receiver.finish(wholeOf(content));

    goOn();
    await saving;

    expect((await store.current())?.meta).toEqual(metaFor(large));
    expect(await snapshotFiles(files)).toHaveLength(1);
  });

  test('keeps what is received after a torn part was cut', async () => {
    const files = new SimFs();
    const store = await openSnapshots(files);
    const content = contentFor(large.index, large.size);
    await (await store.receive(metaFor(large))).write(content.subarray(0, 2000));
    const [part = ''] = await snapshotFiles(files);
    const torn = killed(files);
    torn.flipBit(part, ((await torn.size(part)) ?? 0) - 1000, 0);
    const again = await openSnapshots(torn);
    const receiver = await again.receive(metaFor(large));
    const cutAt = receiver.offset;
    await receiver.write(content.subarray(cutAt, cutAt + 100));

    const last = await openSnapshots(killed(torn));

    expect(cutAt).toBe(900);
    expect((await last.receive(metaFor(large))).offset).toBe(1000);
  });

  test('refuses two calls of one receiver at once', async () => {
    const store = await openSnapshots(new SimFs());
    const receiver = await store.receive(metaFor(large));
    const writing = receiver.write(contentFor(large.index, large.size));

    const error = await rejectionOf(receiver.write(Buffer.from('x')));

    expect(error).toBeInstanceOf(TypeError);
    await writing;
    expect(receiver.offset).toBe(large.size);
  });

  test('does not ask for the content of a snapshot that is older than the current one', async () => {
    const store = await openSnapshots(new SimFs());
    await store.save(metaOf('two', 9), streamOf('two'));
    let asked = 0;
    const chunks = (async function* () {
      asked += 1;
      yield Buffer.from('old');
    })();

    await store.save(metaOf('old', 3), chunks);

    expect(asked).toBe(0);
  });
});
