import { describe, expect, test } from 'vitest';

import { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';
import { collect, metaOf, streamOf } from '../../src/testing/snapshot-store/new-store.ts';
import { openSnapshots, snapshotDirectory } from './snapshots-under-test.ts';

/** A file of version 1: "a snapshot of version one" in blocks of 10 bytes. Never to be changed. */
const golden: Buffer = Buffer.from(
  [
    'UVNOQVBTSDGjAAAACgAAALLW84V7ImlkIjoiZ29sZGVuIiwibGFzdExvZ0lkIjp7InRlcm0iOjIsImluZGV4Ijo1',
    'fSwibWVtYmVyc2hpcCI6eyJjbHVzdGVyIjoiY2x1c3Rlci0xIiwidm90ZXJzIjpbWyJhIl1dLCJub2RlcyI6eyJh',
    'Ijp7ImFkZHJlc3MiOiJ4OjEifX0sImxvZ0lkIjp7InRlcm0iOjEsImluZGV4IjoxfX19YSBzbmFwc2hvdHWZwpMg',
    'b2YgdmVyc2lvAET8124gb25l7hJTvlFTTkFQRU5EGQAAAAAAAABcxKA7Z7jQ4Q==',
  ].join(''),
  'base64',
);
const meta = metaOf('golden', 5);
const content = 'a snapshot of version one';
const options = { blockBytes: 10 };

describe('the file of a snapshot of version 1', () => {
  test('is read by this version', async () => {
    const files = new SimFs();
    await files.makeDirectory(snapshotDirectory);
    const file = await files.open(`${snapshotDirectory}/0000000000000007.snap`, { mode: 'create' });
    await file.write([golden], 0);
    await file.close();

    const snapshot = await (await openSnapshots(files)).current();

    expect(snapshot?.meta).toEqual(meta);
    expect(snapshot).toMatchObject({ size: 25, checksum: 1000391772 });
    expect(String(await collect(snapshot?.chunks() ?? streamOf()))).toBe(content);
  });

  test('is what this version writes, byte by byte', async () => {
    const files = new SimFs();
    const store = await openSnapshots(files, options);

    await store.save(meta, streamOf(content));

    const file = await files.open(`${snapshotDirectory}/0000000000000002.snap`, { mode: 'read' });
    const bytes = Buffer.alloc(await file.size());
    await file.read(bytes, 0);
    expect(bytes.toString('base64')).toBe(golden.toString('base64'));
  });
});
