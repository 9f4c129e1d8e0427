import type { Report, Row } from './row.ts';

/** A report's figures as a table of a page. */
export function markdownOf({ name, about, rows }: Report): string {
  const names = Object.keys(rows[0] ?? {});
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const cellsOf = (row: Row): string[] => names.map((column) => textOf(row[column] ?? ''));
  const said = Object.entries(about ?? {}).map(([what, value]) => `${what}: ${value}`);
  return [
    [name, ...said].join('; '),
    '',
    line(names),
    line(names.map(() => '---:')),
    ...rows.map((row) => line(cellsOf(row))),
    '',
  ].join('\n');
}

function textOf(cell: string | number): string {
  return typeof cell === 'number' ? cell.toLocaleString('en') : cell;
}
