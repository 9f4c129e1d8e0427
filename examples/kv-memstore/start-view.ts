import type { LogIndex, Role, Term } from 'quorate';

/** One node as the table shows it. */
export interface NodeRow {
  readonly id: number;
  readonly address: string;
  readonly pid: number | undefined;
  readonly state: Role | 'starting' | 'stopped' | 'dead';
  readonly term: Term;
  readonly last: LogIndex;
  readonly applied: LogIndex;
  /** The last entry in the newest snapshot, and the last one that is no longer in the log. */
  readonly snapshot: LogIndex;
  readonly purged: LogIndex;
}

const headings = [
  'id',
  'address',
  'pid',
  'role',
  'term',
  'last',
  'applied',
  'snapshot',
  'purged',
] as const;

/** The nodes, one line each under a line of headings. */
export function renderTable(rows: readonly NodeRow[]): string[] {
  const cells = [headings, ...rows.map(rowCells)];
  const widths = headings.map((_, column) => widest(cells, column));
  return cells.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Lines to copy: they name nodes that are alive, and the leader of the moment. */
export function renderCommands(rows: readonly NodeRow[]): string[] {
  const alive = rows.filter(({ state }) => state !== 'dead');
  const leader = findLeader(rows);
  const writer = leader ?? alive[0];
  const reader = alive.find((row) => row !== writer) ?? writer;
  if (writer === undefined || reader === undefined) return ['No node is alive.'];

  const kill = leader === undefined ? '(no leader at the moment)' : `kill -9 ${leader.pid}`;
  return [
    `Write             curl -s ${writer.address}/write -d '{"Set":{"key":"foo","value":"bar"}}'`,
    `Read              curl -s ${reader.address}/read -d '"foo"'`,
    `Metrics           curl -s ${writer.address}/metrics`,
    `Kill the leader   ${kill}`,
    'End               Ctrl-C',
  ];
}

/** An old leader may not have heard of the new one yet: the one of the higher term leads. */
export function findLeader(rows: readonly NodeRow[]): NodeRow | undefined {
  return rows
    .filter(({ state }) => state === 'leader')
    .toSorted((a, b) => b.term - a.term)
    .at(0);
}

function rowCells(row: NodeRow): readonly string[] {
  const { id, address, pid, state, term, last, applied, snapshot, purged } = row;
  return [id, address, pid ?? '-', state, term, last, applied, snapshot, purged].map(String);
}

function widest(cells: readonly (readonly string[])[], column: number): number {
  return Math.max(...cells.map((line) => line[column]?.length ?? 0));
}
