import assert from 'node:assert/strict';
import { inspect, isDeepStrictEqual } from 'node:util';

import { describe, expect, test } from 'vitest';

import { DamagedError } from '../../src/errors.ts';
import { identity } from '../../src/testing/log-store/entries.ts';
import { contentOf, type LogContent, type StoreWrite } from '../../src/testing/log-store/model.ts';
import { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';
import {
  append,
  openWal,
  Progress,
  purge,
  truncate,
  vote,
  walDirectory,
  walFiles,
} from './wal-under-test.ts';

const segmentBytes = 4096;

const writes: readonly StoreWrite[] = [
  { type: 'saveIdentity', identity },
  vote(1, 'a'),
  append(1, 1, [10, 300, 20]),
  append(4, 1, [2000, 700]),
  append(6, 1, [40]),
  purge(1, 1),
  append(7, 1, [1500, 30, 900]),
  truncate(8),
  append(9, 2, [1200, 30]),
  vote(3, 'b'),
  append(11, 3, [1500, 5]),
  append(13, 3, [60, 70]),
];

/** A log of several segments as it lies on the disk. */
interface Image {
  readonly files: SimFs;
  readonly paths: readonly string[];
  /** What the log held after each write, the last one last. */
  readonly history: readonly LogContent[];
  /** The last byte in use of the last segment. */
  readonly lastByte: number;
}

async function makeImage(): Promise<Image> {
  const files = new SimFs();
  const progress = new Progress();
  const history: LogContent[] = [];
  await using store = await openWal(files, { segmentBytes });
  for (const write of writes) {
    await progress.run(store, [write]);
    history.push(progress.content);
  }
  const paths = await walFiles(files);
  await using last = await files.open(paths.at(-1) ?? '', { mode: 'read' });
  const bytes = new Uint8Array(segmentBytes);
  await last.read(bytes, 0);
  return { files, paths, history, lastByte: bytes.findLastIndex((byte) => byte !== 0) };
}

/** `undefined` if the log is refused as it should be, and else what it holds. */
async function openDamaged(files: SimFs): Promise<LogContent | undefined> {
  let refusal: unknown;
  try {
    await using store = await openWal(files, { segmentBytes });
    return await contentOf(store);
  } catch (error) {
    refusal = error;
  }
  assert.ok(refusal instanceof DamagedError, `not refused as damaged: ${inspect(refusal)}`);
  assert.ok(refusal.file.startsWith(walDirectory), `no segment: ${refusal.file}`);
  assert.match(refusal.message, /^\/data\/log\/\d+\.wal at offset \d+.* entry \d+/);
  return undefined;
}

interface Damage {
  readonly path: string;
  readonly what: string;
  /** How many of the last writes may be missing after it; it is in the last segment. Default 0. */
  readonly mayCost?: number;
  readonly apply: (files: SimFs) => unknown;
}

/**
 * Damage of the end of the log looks as if the last write was torn; where it takes a whole sector,
 * that may be several writes. Nothing else may be missing.
 */
function isRight(found: LogContent, image: Image, { mayCost = 0 }: Damage): boolean {
  const possible = image.history.slice(-1 - mayCost);
  return possible.some((content) => isDeepStrictEqual(content, found));
}

/** Opens the log with each damage in turn. Returns how many were refused; the others do no harm. */
async function refusalsOf(image: Image, damages: Iterable<Damage>): Promise<number> {
  let refusals = 0;
  for (const damage of damages) {
    const files = image.files.crash();
    await damage.apply(files);
    const found = await openDamaged(files);
    if (found === undefined) refusals += 1;
    else assert.ok(isRight(found, image, damage), `${damage.path}: nobody saw ${damage.what}`);
  }
  return refusals;
}

function* flips({ paths }: Image): Generator<Damage> {
  for (const [at, path] of paths.entries()) {
    const mayCost = at === paths.length - 1 ? 1 : 0;
    for (let position = 0; position < segmentBytes; position += 1) {
      const bit = (position * 5 + at) % 8;
      const what = `that bit ${bit} of byte ${position} was flipped`;
      yield { path, what, mayCost, apply: (files) => files.flipBit(path, position, bit) };
    }
  }
}

function* lostSectors({ paths, lastByte }: Image): Generator<Damage> {
  for (const [at, path] of paths.entries()) {
    for (let sector = 0; sector < segmentBytes / 512; sector += 1) {
      // The last write may begin in the sector before the one that it ends in.
      const isEnd = at === paths.length - 1 && (sector + 2) * 512 > lastByte;
      const mayCost = isEnd ? writes.length : 0;
      const what = `that sector ${sector} was lost`;
      yield { path, what, mayCost, apply: (files) => files.zeroSector(path, sector) };
    }
  }
}

describe('a damaged write-ahead log is refused, with file, offset and entry, or read as it was', () => {
  test('whichever bit is flipped', async () => {
    const image = await makeImage();

    const refusals = await refusalsOf(image, flips(image));

    expect(image.paths.length).toBeGreaterThan(2);
    expect(refusals).toBeGreaterThan(image.paths.length * 1000);
  });

  test('whichever sector is lost', async () => {
    const image = await makeImage();

    const refusals = await refusalsOf(image, lostSectors(image));

    expect(refusals).toBeGreaterThan(image.paths.length);
  });

  test('whichever segment but the last is missing', async () => {
    const image = await makeImage();
    const damages = image.paths.slice(0, -1).map((path) => ({
      path,
      what: 'that it is missing',
      apply: (files: SimFs) => files.unlink(path),
    }));

    expect(await refusalsOf(image, damages)).toBe(damages.length);
  });
});
