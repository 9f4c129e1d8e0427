// Charts as SVG by hand: lines or bars, with a scale for every need of the benches. Each brings its
// own background, so that it can be read on any page, and a darker one where readers like that.

export interface Series {
  readonly name: string;
  /** One for each of the chart's places; absent where there is none. */
  readonly values: readonly (number | undefined)[];
}

export interface Chart {
  readonly title: string;
  readonly kind: 'lines' | 'bars';
  readonly xName: string;
  readonly yName: string;
  /** What stands under the axis. Places are evenly apart. */
  readonly places: readonly string[];
  /** Default: from 0 on. */
  readonly scale?: 'linear' | 'log';
  readonly series: readonly Series[];
}

const width = 760;
const height = 412;
const box = { left: 74, right: 736, top: 98, bottom: 352 };
const maxPlaceNames = 12;
const colours = ['#2f6fdd', '#d9822b', '#2f9e63', '#b04fc4', '#c93c4e', '#6d7a8a'];

const style = `
.ground { fill: #ffffff; } text { fill: #24292f; font: 13px system-ui, sans-serif; }
.title { font-size: 16px; font-weight: 600; } .grid { stroke: #d7dce1; } .axis { stroke: #8a939d; }
@media (prefers-color-scheme: dark) {
.ground { fill: #12161c; } text { fill: #e3e8ee; } .grid { stroke: #2c343d; } .axis { stroke: #77818c; }
}`;

/** Returns the chart as the text of an SVG file. */
export function svgOf(chart: Chart): string {
  const scale = scaleOf(chart);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(chart.title)}</title>`,
    `<style>${style}\n</style>`,
    `<rect class="ground" width="${width}" height="${height}" rx="8"/>`,
    text(box.left - 50, 30, chart.title, { name: 'title' }),
    ...legend(chart.series),
    ...grid(scale),
    ...placeNames(chart),
    text((box.left + box.right) / 2, height - 14, chart.xName, { anchor: 'middle' }),
    text(box.left - 50, box.top - 14, chart.yName),
    ...(chart.kind === 'lines' ? lines(chart, scale) : bars(chart, scale)),
    `<line class="axis" x1="${box.left}" x2="${box.right}" y1="${box.bottom}" y2="${box.bottom}"/>`,
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

interface Scale {
  readonly ticks: readonly number[];
  /** Where a value lies, from the top of the picture. */
  readonly yOf: (value: number) => number;
}

function scaleOf({ series, scale = 'linear' }: Chart): Scale {
  const values = series.flatMap((one) => one.values.filter((value) => value !== undefined));
  const largest = Math.max(...values, Number.MIN_VALUE);
  const size = box.bottom - box.top;
  if (scale === 'log') {
    const low = Math.floor(Math.log10(Math.min(...values.filter((value) => value > 0), largest)));
    const high = Math.max(low + 1, Math.ceil(Math.log10(largest)));
    const ticks = Array.from({ length: high - low + 1 }, (_, at) => 10 ** (low + at));
    const share = (value: number): number => (Math.log10(value) - low) / (high - low);
    return { ticks, yOf: (value) => box.bottom - size * Math.max(0, share(value)) };
  }
  const step = niceStep(largest / 4);
  const top = Math.ceil(largest / step) * step;
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, at) => at * step);
  return { ticks, yOf: (value) => box.bottom - (size * value) / top };
}

/** 1, 2 or 5 times a power of ten, and not below `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = [1, 2, 5, 10].find((one) => one * power >= least) ?? 10;
  return factor * power;
}

function legend(series: readonly Series[]): string[] {
  let x = box.left - 50;
  return series.flatMap(({ name }, at) => {
    const mark = `<rect x="${x}" y="44" width="12" height="12" rx="2" fill="${colourOf(at)}"/>`;
    const label = text(x + 18, 55, name);
    x += 38 + name.length * 7.5;
    return [mark, label];
  });
}

function grid({ ticks, yOf }: Scale): string[] {
  return ticks.flatMap((tick) => {
    const y = round(yOf(tick));
    return [
      `<line class="grid" x1="${box.left}" x2="${box.right}" y1="${y}" y2="${y}"/>`,
      text(box.left - 8, y + 4, shortNumber(tick), { anchor: 'end' }),
    ];
  });
}

function placeNames({ places }: Chart): string[] {
  const every = Math.ceil(places.length / maxPlaceNames);
  return places.flatMap((name, at) =>
    at % every === 0
      ? [text(middleOf(at, places.length), box.bottom + 20, name, { anchor: 'middle' })]
      : [],
  );
}

function lines({ series, places }: Chart, { yOf }: Scale): string[] {
  return series.flatMap(({ values }, which) => {
    const points = values.flatMap((value, at) =>
      value === undefined ? [] : [{ x: middleOf(at, places.length), y: round(yOf(value)) }],
    );
    const colour = colourOf(which);
    const line = points.map(({ x, y }) => `${x},${y}`).join(' ');
    const dots =
      points.length > 2 * maxPlaceNames
        ? []
        : points.map(({ x, y }) => `<circle cx="${x}" cy="${y}" r="3.5" fill="${colour}"/>`);
    return [
      `<polyline points="${line}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      ...dots,
    ];
  });
}

function bars({ series, places }: Chart, { yOf }: Scale): string[] {
  const room = ((box.right - box.left) / places.length) * 0.76;
  const barWidth = room / series.length;
  return series.flatMap(({ values }, which) =>
    values.flatMap((value, at) => {
      if (value === undefined) return [];
      const x = round(middleOf(at, places.length) - room / 2 + which * barWidth);
      const y = round(Math.min(yOf(value), box.bottom - 1));
      const size = `width="${round(barWidth - 3)}" height="${round(box.bottom - y)}"`;
      return [
        `<rect x="${x}" y="${y}" ${size} rx="2" fill="${colourOf(which)}"/>`,
        text(round(x + barWidth / 2 - 1.5), y - 4, shortNumber(value), { anchor: 'middle' }),
      ];
    }),
  );
}

function middleOf(at: number, count: number): number {
  return round(box.left + ((at + 0.5) * (box.right - box.left)) / count);
}

function colourOf(at: number): string {
  return colours[at % colours.length] ?? '#2f6fdd';
}

/** 1,234,567 as 1.2 M: there is no room for more. */
function shortNumber(value: number): string {
  const [divisor, unit] = value >= 1e6 ? [1e6, ' M'] : value >= 1000 ? [1000, ' k'] : [1, ''];
  const scaled = value / divisor;
  return `${Number(scaled.toPrecision(scaled >= 100 ? 3 : 2))}${unit}`;
}

function text(
  x: number,
  y: number,
  content: string,
  { anchor = 'start', name }: { readonly anchor?: string; readonly name?: string } = {},
): string {
  const className = name === undefined ? '' : ` class="${name}"`;
  return `<text${className} x="${x}" y="${y}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
