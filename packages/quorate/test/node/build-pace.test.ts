import { expect, test } from 'vitest';
import { BuildPace } from '../../src/node/build-pace.ts';
import { settle, VirtualRuntime } from './virtual-runtime.ts';

const mebibyte = 1024 * 1024;

/** Puts a chunk through, and counts the pieces that have come. */
function build(
  pace: BuildPace,
  bytes: number,
  signal: AbortSignal = new AbortController().signal,
): { pieces: number[]; ended: Promise<void> } {
  const pieces: number[] = [];
  const ended = (async () => {
    for await (const piece of pace.paced(new Uint8Array(bytes), signal)) pieces.push(piece.length);
  })();
  return { pieces, ended };
}

function sumOf(lengths: readonly number[]): number {
  return lengths.reduce((sum, length) => sum + length, 0);
}

test('a build on a node with nothing to do is four times as fast', async () => {
  const runtime = new VirtualRuntime();
  const pace = new BuildPace(mebibyte, runtime);

  const { pieces, ended } = build(pace, 10 * mebibyte);
  await runtime.advance(1000);

  const built = sumOf(pieces);
  expect(built / mebibyte).toBeGreaterThan(3.5);
  expect(built / mebibyte).toBeLessThanOrEqual(4.5);
  await runtime.advance(2000);
  await ended;
});

test('a build without a pace waits for nothing', async () => {
  const pace = new BuildPace(Number.POSITIVE_INFINITY, new VirtualRuntime());

  const { pieces, ended } = build(pace, 10 * mebibyte);
  await ended;

  expect(sumOf(pieces)).toBe(10 * mebibyte);
});

test('a build while commands are applied keeps to its bytes a second', async () => {
  const runtime = new VirtualRuntime();
  const pace = new BuildPace(mebibyte, runtime);
  const { pieces, ended } = build(pace, 2 * mebibyte);

  for (let step = 0; step < 100; step += 1) {
    pace.applied();
    await runtime.advance(10);
  }

  const built = sumOf(pieces);
  expect(built / mebibyte).toBeGreaterThan(0.9);
  expect(built / mebibyte).toBeLessThanOrEqual(1.5);
  await runtime.advance(3000);
  await ended;
});

test('a build goes on faster once the commands have stopped', async () => {
  const runtime = new VirtualRuntime();
  const pace = new BuildPace(mebibyte, runtime);
  pace.applied();
  const { pieces, ended } = build(pace, 10 * mebibyte);
  await settle();
  expect(sumOf(pieces)).toBeLessThan(2 * mebibyte);

  await runtime.advance(1000);
  expect(sumOf(pieces) / mebibyte).toBeGreaterThan(2.5);

  await runtime.advance(2000);
  await ended;
  expect(sumOf(pieces)).toBe(10 * mebibyte);
});

test('a build that is given up waits no more, and leaves the next one nothing to pay', async () => {
  const runtime = new VirtualRuntime();
  const pace = new BuildPace(1024, runtime);
  const givenUp = new AbortController();
  pace.applied();
  const { pieces, ended } = build(pace, 10 * mebibyte, givenUp.signal);
  // It fails before anybody waits for it.
  ended.catch(() => undefined);
  await settle();
  expect(runtime.timerCount).toBe(1);

  givenUp.abort(new Error('closed'));
  await expect(ended).rejects.toThrow('closed');

  expect([pieces.length, runtime.timerCount]).toEqual([1, 0]);
  pace.applied();
  const next = build(pace, mebibyte / 4);
  await next.ended;
});
