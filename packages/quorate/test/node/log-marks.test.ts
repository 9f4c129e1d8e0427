import { describe, expect, test } from 'vitest';
import type { LogIndex } from '../../src/core/types.ts';
import { LogMarks } from '../../src/node/log-marks.ts';
import { drawFrom } from '../../src/testing/log-store/model.ts';

describe('the marks in the log', () => {
  test('with nothing to keep, everything up to the end can go', () => {
    const marks = new LogMarks(0, 100);
    marks.add(7, 1000);

    expect(marks.placeBefore(5, 0)).toBe(5);
  });

  test('say where enough lies behind, and nothing if there is not as much', () => {
    const marks = new LogMarks(0, 100);
    for (let index = 1; index <= 10; index += 1) marks.add(index, 100);

    expect(marks.placeBefore(10, 300)).toBe(7);
    expect(marks.placeBefore(5, 500)).toBe(0);
    expect(marks.placeBefore(5, 501)).toBeUndefined();
  });

  test('are no more than the log has steps, however many entries come', () => {
    const marks = new LogMarks(0, 1000);
    for (let index = 1; index <= 10_000; index += 1) marks.add(index, 1);

    expect(marks.placeBefore(10_000, 5000)).toBe(5000);
    expect(marks.placeBefore(10_000, 5001)).toBe(4000);
  });

  /*
   * The naive twin keeps one number for each entry. The marks may keep up to two steps more than
   * asked, never less, and must not keep more than that without end.
   */
  test.each(Array.from({ length: 20 }, (_, at) => at + 1))(
    'keep what a plain list would, and little more (seed %i)',
    (seed) => {
      const draw = drawFrom(seed);
      const stepBytes = 1 + draw(500);
      const biggest = 1 + draw(200);
      const marks = new LogMarks(0, stepBytes);
      let list: { index: LogIndex; bytes: number }[] = [];
      let last = 0;
      for (let round = 0; round < 400; round += 1) {
        const kind = draw(20);
        if (kind === 0 && list.length > 0) {
          const { index } = list[draw(list.length)] as { index: LogIndex };
          marks.purged(index);
          list = list.filter((entry) => entry.index > index);
        } else if (kind === 1) {
          last += draw(50);
          marks.reset(last);
          list = [];
        } else {
          const count = 1 + draw(5);
          let bytes = 0;
          for (let at = 0; at < count; at += 1) {
            last += 1;
            const size = draw(biggest);
            list.push({ index: last, bytes: size });
            bytes += size;
          }
          marks.add(last, bytes);
        }
        const end = Math.max(0, last - draw(10));
        const wanted = 1 + draw(4000);
        const place = marks.placeBefore(end, wanted);

        const slack = 2 * (stepBytes + 5 * biggest);
        const kept = between(place ?? 0, end);
        expect(place ?? 0).toBeLessThanOrEqual(end);
        expect(kept).toBeGreaterThanOrEqual(place === undefined ? 0 : wanted);
        expect(kept).toBeLessThan(wanted + slack);
      }

      function between(from: LogIndex, to: LogIndex): number {
        const inside = list.filter(({ index }) => index > from && index <= to);
        return inside.reduce((sum, { bytes }) => sum + bytes, 0);
      }
    },
  );
});
