import { glyphOf } from './glyphs.ts';
import type { EventType } from './run.ts';
import { arrowHead, type Color, cross, line, type Shape } from './shapes.ts';

/** One line of the legend: a sample on a field of 44 by 24 pixels, and what it means. */
export type LegendEntry = { readonly shapes: readonly Shape[]; readonly text: string };

const [left, middle, right] = [4, 22, 40];
const height = 12;
const sample: Color = 'term 3';

export function legendEntries(): readonly LegendEntry[] {
  const target = { place: 0, rank: 0 } as const;
  const mark = (type: EventType): readonly Shape[] => [
    line([left, height, right, height], sample, 2.5),
    ...glyphOf(type, [middle, height], sample, target),
  ];
  const way = [left, 3, right, 21] as const;
  const shade = (hatch: 'both' | 'downwards'): readonly Shape[] => [
    {
      ...{ type: 'shade', x: left, y: 2, width: right - left, height: 20, color: 'cut' },
      ...{ opacity: 0.5, hatch },
    },
  ];
  return [
    { shapes: terms, text: 'a node that runs; each term has its colour' },
    { shapes: [line([left, height, right, height], sample, 8)], text: 'the leader of that term' },
    { shapes: [line([left, height, right, height], 'grid', 1, { dash: 'dotted' })], text: 'down' },
    {
      shapes: [line([left, height, right, height], sample, 1.5, { dash: 'dashed' })],
      text: 'paused',
    },
    { shapes: [line(way, sample, 1.3), arrowHead(way, sample)], text: 'a call, to its arrival' },
    {
      shapes: [line(way, sample, 1, { dash: 'dashed' }), arrowHead(way, sample)],
      text: 'its answer',
    },
    {
      shapes: [line([left, 3, 26, 14], sample, 1.3), ...cross(26, 14, 4)],
      text: 'lost on the way',
    },
    { shapes: mark('role'), text: 'a new role or term' },
    { shapes: mark('log'), text: 'the log changed; the term of its last entry' },
    { shapes: mark('commit'), text: 'committed' },
    { shapes: mark('apply'), text: 'applied' },
    { shapes: mark('start'), text: 'start' },
    { shapes: mark('crash'), text: 'crash' },
    { shapes: mark('close'), text: 'closed in good order' },
    { shapes: mark('pause'), text: 'paused from here' },
    { shapes: mark('resume'), text: 'goes on' },
    { shapes: mark('wipe'), text: 'the disk is lost' },
    { shapes: mark('disk'), text: 'a fault of the disk, or a slow call' },
    { shapes: mark('clock'), text: 'a clock that jumps or drifts' },
    { shapes: shade('both'), text: 'links across are cut; darker: more of them' },
    { shapes: shade('downwards'), text: 'cut in one direction only' },
    {
      shapes: [line([left, height, right, height], 'client', 5)],
      text: 'a call of a client, to its return',
    },
    { shapes: [line([middle, 0, middle, 24], 'bad', 3)], text: 'the violation' },
  ];
}

const terms: readonly Shape[] = [1, 2, 3].map((term) =>
  line([left + (term - 1) * 12, height, left + term * 12, height], `term ${term}`, 2.5),
);
