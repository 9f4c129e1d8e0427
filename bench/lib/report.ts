import { machine } from './machine.ts';

export type Row = Readonly<Record<string, string | number>>;

/** Prints the machine, a table for people, and the same as one line of JSON for programs. */
export function report(name: string, rows: readonly Row[]): void {
  const { cpu, cores, memoryGiB, platform, node } = machine();
  console.log(`\n${name} on ${cpu}, ${cores} cores, ${memoryGiB} GiB, ${platform}, Node ${node}\n`);
  console.log(table(rows));
  console.log(`\n${JSON.stringify({ name, machine: machine(), rows })}`);
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
