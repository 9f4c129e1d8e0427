import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { bugs, tierOf } from './bugs.ts';
import { families } from './families.ts';
import type { Tier } from './hunt.ts';

/** What it took to find one planted bug; what is committed is what later runs are held to. */
export interface Row {
  readonly name: string;
  readonly tier: Tier;
  /** The checks that found it, the most frequent first; none if not all tries found it. */
  readonly codes: readonly string[];
  /** Walks or seeds that each try took. */
  readonly runs: readonly number[];
  /** The median of the tries. */
  readonly seconds: number;
}

const tableFile = path.join(import.meta.dirname, 'table.json');
const pageFile = path.resolve(import.meta.dirname, '../../../../docs/mutants.md');
const [begin, end] = ['<!-- table: begin -->\n', '<!-- table: end -->\n'];

export async function readTable(): Promise<readonly Row[]> {
  const text = await readFile(tableFile, 'utf8').catch(() => '[]');
  return JSON.parse(text) as readonly Row[];
}

/** Writes these rows in the place of those of the same bugs, and the page. */
export async function acceptRows(rows: readonly Row[]): Promise<void> {
  const newest = new Map([...(await readTable()), ...rows].map((row) => [row.name, row]));
  const table = bugs.flatMap(({ name }) => newest.get(name) ?? []);
  const lines = table.map((row) => `  ${JSON.stringify(row)}`);
  await writeFile(tableFile, `[\n${lines.join(',\n')}\n]\n`);
  await writeFile(pageFile, pageWith(await readPage(), table));
}

export function readPage(): Promise<string> {
  return readFile(pageFile, 'utf8');
}

/** The page with this table in the place of the one that it has. */
export function pageWith(page: string, table: readonly Row[]): string {
  const [before, rest] = cut(page, begin);
  const [, after] = cut(rest, end);
  const text = [...bugLines(table), '', ...familyLines()].join('\n');
  return `${before}${begin}\n${text}\n\n${end}${after}`;
}

function cut(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  if (at < 0) throw new Error(`The page of the planted bugs has lost its line "${mark.trim()}".`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}

function bugLines(table: readonly Row[]): string[] {
  const head = ['| planted bug | families | tier | found by | median runs | seconds |'];
  head.push('| --- | --- | --- | --- | ---: | ---: |');
  const byName = new Map(table.map((row) => [row.name, row]));
  const lines = bugs.map((bug) => {
    const row = byName.get(bug.name);
    const numbers = bug.families.join(', ');
    if (row === undefined) return `| ${bug.name} | ${numbers} | ${tierOf(bug)} | | | |`;
    const { tier, codes, runs, seconds } = row;
    const isFound = codes.length > 0;
    const by = isFound ? codes.join(', ') : '**not found**';
    const cost = `${isFound ? '' : '>'}${median(runs)} | ${seconds.toFixed(1)}`;
    return `| ${bug.name} | ${numbers} | ${tier} | ${by} | ${cost} |`;
  });
  return [...head, ...lines];
}

function familyLines(): string[] {
  const lines = Object.entries(families).map(([number, text]) => `| ${number} | ${text} |`);
  return ['| family | what went wrong |', '| ---: | --- |', ...lines];
}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = 0, high = 0] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}
