import { describe, expect, test } from 'vitest';
import { WritePace } from '../../src/platform/write-pace.ts';

/** Writes of `ms` each, one after the other, as long as they are done at once. */
function write(
  pace: WritePace,
  count: number,
  ms: number,
  from = 0,
): { done: number; now: number } {
  let now = from;
  let done = 0;
  while (done < count && pace.isQuick(512, now)) {
    now += ms;
    pace.took(ms, now);
    done += 1;
  }
  return { done, now };
}

/** How long it is until a write is tried at once again, in milliseconds. */
function restFrom(pace: WritePace, now: number): number {
  let ms = 0;
  while (!pace.isQuick(512, now + ms)) ms += 1;
  return ms;
}

describe('Whether a durable write is done by the event loop', () => {
  test('it is, on a quick disk, whatever their number', () => {
    expect(write(new WritePace(), 10_000, 0.1).done).toBe(10_000);
  });

  test('it is not for more than 64 KiB', () => {
    expect(new WritePace().isQuick(65_536, 0)).toBe(true);
    expect(new WritePace().isQuick(65_537, 0)).toBe(false);
  });

  test('it is not for long on a disk that takes two milliseconds', () => {
    expect(write(new WritePace(), 1000, 2).done).toBeLessThan(20);
  });

  test('it is if one write in ten is late, as on busy processors', () => {
    const pace = new WritePace();
    let now = 0;
    for (let round = 0; round < 100; round += 1) {
      expect(write(pace, 9, 0.2, now).done).toBe(9);
      now += 1.8;
      expect(write(pace, 1, 20, now).done).toBe(1);
      now += 20;
    }
  });

  test('a single late write is no reason', () => {
    const pace = new WritePace();

    const { now } = write(pace, 100, 0.1);

    expect(write(pace, 1, 5, now).done).toBe(1);
    expect(write(pace, 100, 0.1, now + 5).done).toBe(100);
  });

  test('one that hangs is', () => {
    const pace = new WritePace();

    const { now } = write(pace, 100, 0.1);
    pace.took(2000, now + 2000);

    expect(pace.isQuick(512, now + 2000)).toBe(false);
  });

  test('a slow disk is tried again after a rest, twice as long each time, of ten seconds at most', () => {
    const pace = new WritePace();
    const rests: number[] = [];
    let { now } = write(pace, 1000, 3);

    for (let at = 0; at < 10; at += 1) {
      const rest = restFrom(pace, now);
      rests.push(Math.round(rest));
      now += rest + 3;
      pace.took(3, now);
    }

    expect(rests.slice(0, 4)).toEqual([50, 100, 200, 400]);
    expect(rests.at(-1)).toBe(10_000);
  });

  test('a disk that is quick again has no long rests left', () => {
    const pace = new WritePace();
    let { now } = write(pace, 1000, 3);
    for (let at = 0; at < 10; at += 1) {
      now += restFrom(pace, now) + 3;
      pace.took(3, now);
    }
    now += restFrom(pace, now);

    const quick = write(pace, 100, 0.1, now);
    pace.took(2000, quick.now + 2000);

    expect(quick.done).toBe(100);
    expect(Math.round(restFrom(pace, quick.now + 2000))).toBe(50);
  });
});
