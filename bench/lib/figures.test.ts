import { expect, test } from 'vitest';
import { writeCount } from './closed-loop.ts';
import { findGrowth } from './growth.ts';
import type { Stall } from './node-observer.ts';
import { type Chart, svgOf } from './plot.ts';
import { Samples } from './samples.ts';
import { causesOf } from './tail-causes.ts';

const chart: Chart = {
  title: 'Bits & <pieces>',
  kind: 'bars',
  xName: 'writers',
  yName: 'writes/s',
  places: ['1', '64'],
  series: [
    { name: 'a', values: [1000, 2_500_000] },
    { name: 'b', values: [undefined, 0] },
  ],
};

test('percentiles are of all samples, and samples may come after they were asked for', () => {
  const samples = new Samples();
  for (let at = 10_000; at > 0; at -= 1) samples.add(at);

  expect([samples.count, samples.maxMs, samples.percentile(0.5)]).toEqual([10_000, 10_000, 5001]);
  samples.add(20_000);
  expect(samples.percentile(1)).toBe(20_000);
});

test('a load by count writes exactly as often', async () => {
  let written = 0;

  const { count } = await writeCount(1000, 7, async () => {
    written += 1;
  });

  expect([count, written]).toEqual([1000, 1000]);
});

test('growth is found between the middle third and the last, beyond a tenth and the slack', () => {
  const samples = [100, 1, 1, 9, 10, 11, 13, 14, 99].map((heap) => ({ heap, steady: 5 }));

  expect(findGrowth(samples, { heap: 2, steady: 0 })).toEqual(['heap has grown from 10.0 to 14.0']);
  expect(findGrowth(samples, { heap: 3, steady: 0 })).toEqual([]);
  expect(() => findGrowth(samples.slice(7), { heap: 0 })).toThrow('three samples');
});

test('a slow call is assigned to what held up the leader, the clients, or all followers', () => {
  const stall = (kind: Stall['kind'], fromMs: number, toMs: number): Stall => ({
    kind,
    fromMs,
    toMs,
  });
  const slow = [0, 100, 200, 300, 400].map((fromMs) => ({ fromMs, toMs: fromMs + 10 }));

  const causes = causesOf(slow, {
    leader: [
      stall('gc', 2, 8),
      stall('loop', 2, 9),
      stall('disk', 95, 105),
      stall('disk', 208, 210),
    ],
    clients: [stall('loop', 300, 310)],
    followers: [[stall('gc', 200, 210), stall('disk', 400, 410)], [stall('disk', 401, 420)]],
  });

  expect(causes).toEqual({ gc: 1, disk: 2, loop: 1, other: 1 });
});

test('bars stand on the axis, as high as their value, and text is escaped', () => {
  const svg = svgOf(chart);

  const bars = [
    ...svg.matchAll(/<rect x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)" rx/g),
  ];
  const places = bars.map(([, y, height]) => ({ y: Number(y), height: Number(height) })).slice(2);
  expect(places.map(({ y, height }) => y + height)).toEqual(places.map(() => 352));
  expect(places.map(({ height }) => Math.round(height))).toEqual([1, 212, 1]);
  expect(svg).toContain('Bits &amp; &lt;pieces&gt;');
  expect(svg).toContain('>2.5 M<');
});

test('a logarithmic scale has a line for each power of ten, and values lie between them', () => {
  const series = [{ name: 'a', values: [0.05, 5] }];
  const svg = svgOf({ ...chart, kind: 'lines', scale: 'log', series });

  for (const tick of ['0.01', '0.1', '1', '10']) expect(svg).toContain(`>${tick}</text>`);
  const ys = [...svg.matchAll(/<circle cx="[\d.]+" cy="([\d.]+)"/g)].map(([, y]) => Number(y));
  // Of 254 for three powers of ten: 0.7 and 2.7 of them above the axis.
  expect(ys.map((y) => Math.round(352 - y))).toEqual([59, 229]);
});
