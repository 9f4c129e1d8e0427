// Where things stand in a picture of a history. Time runs to the right, by the order of the calls
// and returns alone, so that short operations can be read beside long ones.

/** An operation as it is drawn. */
export interface Bar {
  readonly lane: string;
  readonly calledAt: number;
  /** Without it the bar reaches to the right edge. */
  readonly returnedAt: number | undefined;
  /** How wide the bar must be for its label. */
  readonly wantedWidth: number;
}

export interface Place {
  readonly left: number;
  readonly right: number;
  readonly row: number;
}

export interface Layout {
  readonly places: readonly Place[];
  /** From the top, with the first row of each and how many rows it has. */
  readonly lanes: readonly { readonly name: string; readonly row: number; readonly rows: number }[];
  readonly right: number;
}

const narrowestColumn = 14;
const marginAfterLast = 60;

export function layOut(bars: readonly Bar[], left: number): Layout {
  const { positions, right } = columns(bars, left);
  const x = (time: number): number => positions.get(time) ?? right;
  const spans = bars.map((bar) => ({
    lane: bar.lane,
    left: x(bar.calledAt),
    right: bar.returnedAt === undefined ? right : x(bar.returnedAt),
  }));
  const lanes: { name: string; row: number; rows: number }[] = [];
  const rowOf = new Map<(typeof spans)[number], number>();
  let row = 0;
  for (const name of laneNames(bars)) {
    const inLane = spans.filter(({ lane }) => lane === name);
    const rows = assignRows(inLane, (span, at) => rowOf.set(span, row + at));
    lanes.push({ name, row, rows });
    row += rows;
  }
  const places = spans.map((span) => ({
    left: span.left,
    right: span.right,
    row: rowOf.get(span) ?? 0,
  }));
  return { places, lanes, right };
}

/** Each moment stands right of the one before, and far enough for the labels that end there. */
function columns(
  bars: readonly Bar[],
  left: number,
): { readonly positions: ReadonlyMap<number, number>; readonly right: number } {
  const ending = new Map<number, Bar[]>();
  for (const bar of bars) {
    if (bar.returnedAt === undefined) continue;
    ending.set(bar.returnedAt, [...(ending.get(bar.returnedAt) ?? []), bar]);
  }
  const times = new Set(
    bars.flatMap(({ calledAt, returnedAt }) => [calledAt, returnedAt ?? calledAt]),
  );
  const positions = new Map<number, number>();
  let at = left;
  for (const time of [...times].sort((one, other) => one - other)) {
    for (const bar of ending.get(time) ?? []) {
      at = Math.max(at, (positions.get(bar.calledAt) ?? left) + bar.wantedWidth);
    }
    positions.set(time, at);
    at += narrowestColumn;
  }
  const open = bars.filter(({ returnedAt }) => returnedAt === undefined);
  const ends = open.map((bar) => (positions.get(bar.calledAt) ?? left) + bar.wantedWidth);
  return {
    positions,
    right: ends.reduce((one, other) => Math.max(one, other), at + marginAfterLast),
  };
}

function laneNames(bars: readonly Bar[]): readonly string[] {
  const names = [...new Set(bars.map(({ lane }) => lane))];
  return names.sort((left, right) => left.localeCompare(right, 'en', { numeric: true }));
}

/** Bars that overlap stand below each other. Returns how many rows there are. */
function assignRows<Span extends { readonly left: number; readonly right: number }>(
  spans: readonly Span[],
  assign: (span: Span, row: number) => void,
): number {
  const ends: number[] = [];
  for (const span of [...spans].sort((one, other) => one.left - other.left)) {
    const free = ends.findIndex((end) => end <= span.left);
    const row = free === -1 ? ends.length : free;
    ends[row] = span.right;
    assign(span, row);
  }
  return ends.length;
}
