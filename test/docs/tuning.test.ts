import { readFileSync } from 'node:fs';
import path from 'node:path';

import { expect, test } from 'vitest';

import { defaultConfig } from '../../packages/quorate/src/node/options.ts';
import { tableRowsIn } from './table-rows.ts';

const page = path.join(import.meta.dirname, '..', '..', 'docs', 'guide', 'tuning.md');

test('the guide to tuning has every option once, with its default, effect and reason', () => {
  const rows = tableRowsIn(readFileSync(page, 'utf8')).filter(isOption);

  const told = rows.map(([name = '', value = '']) => `${name.replaceAll('`', '')}: ${value}`);
  const wanted = Object.entries(defaultConfig).map(
    ([name, value]) => `${name}: ${spelled(name, value)}`,
  );
  expect(told.sort()).toEqual(wanted.sort());
  for (const [, , effect = '', reason = ''] of rows) {
    expect([effect, reason]).not.toContain('');
    expect([effect, reason].map((cell) => cell.at(-1))).toEqual(['.', '.']);
  }
});

/** A row of four cells that begins with a name. */
function isOption(row: readonly string[]): boolean {
  return row.length === 4 && /^`\w+`$/.test(row[0] ?? '');
}

/** A default as the guide writes it: bytes in MiB, thousands with a comma. */
function spelled(name: string, value: unknown): string {
  if (name === 'electionTimeoutMs') {
    const { min, max } = value as { min: number; max: number };
    return `${min} to ${max}`;
  }
  if (typeof value !== 'number' || value === Infinity) return String(value);
  if (name.includes('Bytes')) return `${value / (1024 * 1024)} MiB`;
  return value >= 10_000 ? value.toLocaleString('en-US') : String(value);
}
