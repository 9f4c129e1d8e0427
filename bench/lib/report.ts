import { drawCharts } from './charts.ts';
import { machine } from './machine.ts';
import type { Report, Row } from './row.ts';

export type { Row } from './row.ts';

export interface ReportOptions {
  readonly about?: Readonly<Record<string, string>>;
  /** Also draws the charts of this benchmark into docs/images. */
  readonly plot?: boolean;
}

/** Prints the machine, a table for people, and the same as one line of JSON for programs. */
export function report(
  name: string,
  rows: readonly Row[],
  { about, plot = false }: ReportOptions = {},
): void {
  const on = machine();
  console.log(
    `\n${name} on ${on.cpu}, ${on.cores} cores, ${on.memoryGiB} GiB, ${on.platform}, Node ${on.node}\n`,
  );
  for (const [what, value] of Object.entries(about ?? {})) console.log(`${what}: ${value}`);
  if (about !== undefined) console.log();
  console.log(table(rows));
  const all: Report = { name, machine: on, ...(about === undefined ? {} : { about }), rows };
  console.log(`\n${JSON.stringify(all)}`);
  if (!plot) return;
  for (const file of drawCharts(all)) console.log(`Drawn: ${file}`);
}

function table(rows: readonly Row[]): string {
  const names = Object.keys(rows[0] ?? {});
  const lines = [names, ...rows.map((row) => names.map((name) => textOf(row[name] ?? '')))];
  const widths = names.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  return lines
    .map((line) => line.map((cell, at) => cell.padStart(widths[at] ?? 0)).join('  '))
    .join('\n');
}

function textOf(cell: string | number): string {
  return typeof cell === 'number' ? cell.toLocaleString('en') : cell;
}
