import type { LinearizabilityVerdict } from '../linearizability.ts';
import { describeOperation } from './contradiction-text.ts';
import { type Layout, layOut, type Place } from './drawing-layout.ts';
import type { ClientOperation } from './history.ts';
import { type FullModel, fillIn, type SequentialModel } from './model.ts';
import type { Placed } from './search.ts';
import { element, escapeText } from './svg.ts';

export interface DrawingOptions {
  /** Stands above the picture. */
  readonly title?: string;
  /** Of a longer history the end is drawn, and all that contradicts. Default 60. */
  readonly maxOperations?: number;
}

/**
 * Draws a history and its verdict as an SVG that needs nothing else: a lane for each client, a bar
 * for each operation from its call to its return, its number in the order, and on hover what it saw
 * and left. Of a contradiction it draws the partition, with what contradicts in colour.
 *
 * @throws RangeError if `maxOperations` is no whole number above 0.
 */
export function drawHistory<State, Input, Output>(
  history: readonly ClientOperation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
  verdict: LinearizabilityVerdict<State, Input, Output>,
  options: DrawingOptions = {},
): string {
  const { maxOperations = 60 } = options;
  if (!Number.isSafeInteger(maxOperations) || maxOperations < 1) {
    throw new RangeError(
      `\`maxOperations\` must be a whole number above 0; it is ${maxOperations}.`,
    );
  }
  const drawn = figuresOf(history, model, verdict);
  const shown = latest(drawn, maxOperations);
  const leftOut = drawn.length - shown.length;
  return picture(shown, {
    title: options.title ?? 'A history and its verdict',
    lines: [
      ...(leftOut > 0 ? [`${leftOut} operations before these are not drawn.`] : []),
      ...verdict.text.split('\n'),
    ],
  });
}

/** An operation, and what there is to say about it. */
interface Figure {
  readonly client: string;
  readonly calledAt: number;
  readonly returnedAt: number | undefined;
  readonly label: string;
  readonly kind: 'plain' | 'involved' | 'refused';
  /** Where the order put it, and what it left. */
  readonly place: number | undefined;
  readonly left: string | undefined;
}

function figuresOf<State, Input, Output>(
  history: readonly ClientOperation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
  verdict: LinearizabilityVerdict<State, Input, Output>,
): readonly Figure[] {
  const figures: Figure[] = [];
  const found = verdict.type === 'not-linearizable' ? verdict.contradiction : undefined;
  const byPartition = new Map<string, Marks<State, Input, Output>>();
  for (const operation of history) {
    const partition = model.partition?.(operation.input) ?? '';
    if (found !== undefined && partition !== found.partition) continue;
    if (operation.calledAt > (found?.last.returnedAt ?? Number.POSITIVE_INFINITY)) continue;
    let marks = byPartition.get(partition);
    if (marks === undefined) {
      marks = marksOf(fillIn(model, partition), partition, verdict);
      byPartition.set(partition, marks);
    }
    figures.push(figureOf(operation, marks));
  }
  return figures.sort((left, right) => left.calledAt - right.calledAt);
}

/** What the verdict says about the operations of a partition, by {@link nameOf}. */
interface Marks<State, Input, Output> {
  readonly full: FullModel<State, Input, Output>;
  readonly prefix: string;
  readonly places: ReadonlyMap<string, Placed<State, Input, Output> & { readonly number: number }>;
  readonly involved: ReadonlySet<string>;
  readonly refused: ReadonlySet<string>;
}

function marksOf<State, Input, Output>(
  full: FullModel<State, Input, Output>,
  partition: string,
  verdict: LinearizabilityVerdict<State, Input, Output>,
): Marks<State, Input, Output> {
  const found = verdict.type === 'not-linearizable' ? verdict.contradiction : undefined;
  const orders = verdict.type === 'linearizable' ? verdict.orders : undefined;
  const order = found?.deadEnd.order ?? orders?.get(partition) ?? [];
  return {
    full,
    prefix: partition === '' ? '' : `${partition}: `,
    places: new Map(order.map((one, at) => [nameOf(one.operation), { ...one, number: at + 1 }])),
    involved: new Set(found?.operations.map(nameOf)),
    refused: new Set(found?.deadEnd.refused.map(nameOf)),
  };
}

/** A contradiction has copies of operations; nothing else of theirs is called at the same time. */
function nameOf({ client, calledAt }: ClientOperation<unknown, unknown>): string {
  return `${typeof client} ${String(client)} ${calledAt}`;
}

function figureOf<State, Input, Output>(
  operation: ClientOperation<Input, Output>,
  { full, prefix, places, involved, refused }: Marks<State, Input, Output>,
): Figure {
  const name = nameOf(operation);
  const place = places.get(name);
  const kind = involved.has(name) ? 'involved' : 'plain';
  return {
    client: String(operation.client),
    calledAt: operation.calledAt,
    returnedAt: operation.returnedAt,
    label: `${prefix}${describeOperation(operation, full)}`,
    kind: refused.has(name) ? 'refused' : kind,
    place: place?.number,
    left: place === undefined ? undefined : full.state(place.state),
  };
}

function latest(figures: readonly Figure[], count: number): readonly Figure[] {
  const from = figures.length - count;
  return figures.filter(({ kind }, at) => at >= from || kind !== 'plain');
}

const laneLeft = 110;
const rowHeight = 30;
const barHeight = 22;
const lanesTop = 52;
const lineHeight = 16;
const characterWidth = 6.7;
const maxLabelWidth = 300;

const style = `
text { font: 11px ui-monospace, Menlo, Consolas, monospace; fill: #1c2733; }
.title { font-size: 15px; font-weight: bold; } .lane { font-weight: bold; }
.stripe { fill: #f4f6f8; } .bar { fill: #dfe5ec; stroke: #9aa8b7; }
.involved .bar { fill: #cfe3ff; stroke: #1f6fd0; } .refused .bar { fill: #ffd3d0; stroke: #c9251b; }
.refused .bar { stroke-width: 2.5; } .unknown .bar { stroke-dasharray: 5 4; }
.place circle { fill: #1c2733; } .place text { fill: #fff; font-size: 9px; text-anchor: middle; }
g.operation:hover .bar { stroke: #000; stroke-width: 2; }`;

function picture(
  figures: readonly Figure[],
  words: { readonly title: string; readonly lines: readonly string[] },
): string {
  const layout = layOut(
    figures.map(({ client, calledAt, returnedAt, label }) => ({
      lane: client,
      calledAt,
      returnedAt,
      // Room for the number before it, too.
      wantedWidth: Math.min(maxLabelWidth, label.length * characterWidth + 34),
    })),
    laneLeft,
  );
  const rows = layout.lanes.reduce((sum, lane) => sum + lane.rows, 0);
  const wordsTop = lanesTop + rows * rowHeight + 30;
  const longest = words.lines.reduce((most, line) => Math.max(most, line.length), 0);
  const width = Math.ceil(Math.max(layout.right, 40 + longest * characterWidth) + 20);
  const height = wordsTop + words.lines.length * lineHeight + 10;
  const size = { width, height, viewBox: `0 0 ${width} ${height}` };
  return element(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', ...size, role: 'img' },
    [
      element('title', {}, escapeText(words.title)),
      element('style', {}, style),
      element('rect', { width, height, fill: '#fff' }),
      text(20, 28, words.title, 'title'),
      ...layout.lanes.map((lane, at) => laneMarkup(lane, { width, isStriped: at % 2 === 0 })),
      ...figures.map((figure, at) => figureMarkup(figure, layout.places[at] as Place)),
      ...placeMarkups(figures, layout),
      ...words.lines.map((line, at) => text(20, wordsTop + at * lineHeight, line)),
    ].join('\n'),
  );
}

function laneMarkup(
  lane: Layout['lanes'][number],
  { width, isStriped }: { readonly width: number; readonly isStriped: boolean },
): string {
  const y = lanesTop + lane.row * rowHeight;
  const stripe = { x: 0, y: y - 4, width, height: lane.rows * rowHeight, class: 'stripe' };
  const name = text(20, y + 15, `client ${lane.name}`.slice(0, 14), 'lane');
  return isStriped ? `${element('rect', stripe)}${name}` : name;
}

function figureMarkup(figure: Figure, { left, right, row }: Place): string {
  const y = lanesTop + row * rowHeight;
  const width = Math.max(4, right - left);
  const fitting = Math.floor((width - 30) / characterWidth);
  const { label } = figure;
  const shown = label.length <= fitting ? label : `${label.slice(0, Math.max(0, fitting - 1))}…`;
  const isUnknown = figure.returnedAt === undefined;
  return element(
    'g',
    { class: `operation ${figure.kind}${isUnknown ? ' unknown' : ''}` },
    [
      element('title', {}, escapeText(hoverText(figure))),
      element('rect', { x: left, y, width, height: barHeight, rx: 4, class: 'bar' }),
      text(left + 26, y + 15, shown),
    ].join(''),
  );
}

function hoverText(figure: Figure): string {
  const returned =
    figure.returnedAt === undefined ? 'its outcome is unknown' : `returned at ${figure.returnedAt}`;
  const order = figure.place === undefined ? [] : [`number ${figure.place} of the order`];
  const left = figure.left === undefined ? [] : [`leaves ${figure.left}`];
  const contradicts = figure.kind === 'refused' ? ['cannot come next'] : [];
  return [
    `client ${figure.client}: ${figure.label}`,
    `called at ${figure.calledAt}, ${returned}`,
    ...[...order, ...left, ...contradicts],
  ].join('\n');
}

/** The numbers of the order, above everything else, so that bars cannot hide them. */
function placeMarkups(figures: readonly Figure[], layout: Layout): readonly string[] {
  const inOrder = figures
    .map((figure, at) => ({ figure, place: layout.places[at] as Place }))
    .filter(({ figure }) => figure.place !== undefined)
    .sort((one, other) => (one.figure.place ?? 0) - (other.figure.place ?? 0));
  return inOrder.map(({ figure, place }) => {
    const circle = { cx: place.left + 13, cy: lanesTop + place.row * rowHeight + 11, r: 9 };
    const label = text(circle.cx, circle.cy + 3, String(figure.place));
    const markup = `${element('title', {}, escapeText(hoverText(figure)))}${element('circle', circle)}`;
    return element('g', { class: 'place' }, `${markup}${label}`);
  });
}

function text(x: number, y: number, content: string, name?: string): string {
  const attributes = { x, y, ...(name === undefined ? {} : { class: name }) };
  return element('text', { ...attributes, 'xml:space': 'preserve' }, escapeText(content));
}
