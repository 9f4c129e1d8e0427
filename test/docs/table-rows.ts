/** The rows of all tables of a page, as cells, without heads and without what is code. */
export function tableRowsIn(page: string): readonly (readonly string[])[] {
  const rows: (readonly string[])[] = [];
  let isCode = false;
  let isHead = true;
  for (const line of page.split('\n')) {
    if (line.startsWith('```')) isCode = !isCode;
    if (isCode || !line.startsWith('|')) {
      isHead = true;
      continue;
    }
    const cells = line.split('|').slice(1, -1);
    if (cells.every((cell) => /^ *:?-+:? *$/.test(cell))) isHead = false;
    else if (!isHead) rows.push(cells.map((cell) => cell.trim()));
  }
  return rows;
}
