import { expect, test } from 'vitest';
import { BuildPace } from '../../src/node/build-pace.ts';
import { settle, VirtualRuntime } from './virtual-runtime.ts';

const mebibyte = 1024 * 1024;

/** Puts a chunk through, and counts the pieces that have come. */
function build(pace: BuildPace, bytes: number): { pieces: number[]; ended: Promise<void> } {
  const pieces: number[] = [];
  const ended = (async () => {
    for await (const piece of pace.paced(new Uint8Array(bytes))) pieces.push(piece.length);
  })();
  return { pieces, ended };
}

test('a build on a node with nothing to do waits for nothing', async () => {
  const pace = new BuildPace(mebibyte, new VirtualRuntime());

  const { pieces, ended } = build(pace, 10 * mebibyte);
  await ended;

  expect(pieces.reduce((sum, length) => sum + length, 0)).toBe(10 * mebibyte);
});

test('a build while commands are applied keeps to its bytes a second', async () => {
  const runtime = new VirtualRuntime();
  const pace = new BuildPace(mebibyte, runtime);
  const { pieces, ended } = build(pace, 2 * mebibyte);

  for (let step = 0; step < 100; step += 1) {
    pace.applied();
    await runtime.advance(10);
  }

  const built = pieces.reduce((sum, length) => sum + length, 0);
  expect(built / mebibyte).toBeGreaterThan(0.9);
  expect(built / mebibyte).toBeLessThanOrEqual(1.5);
  await runtime.advance(3000);
  await ended;
});

test('a build goes on at full speed once the commands have stopped', async () => {
  const runtime = new VirtualRuntime();
  const pace = new BuildPace(mebibyte, runtime);
  pace.applied();
  const { ended } = build(pace, 100 * mebibyte);
  await settle();

  await runtime.advance(1000);

  await ended;
});
