import { readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, test } from 'vitest';

import { tableRowsIn } from './table-rows.ts';

// Every promise of the guide names the test that shows it, and that test is there.

const folder = path.join(import.meta.dirname, '..', '..', 'docs', 'guide');
const rows = tableRowsIn(readFileSync(path.join(folder, 'guarantees.md'), 'utf8'));

test('the guide to guarantees has some for each part of the library', () => {
  expect(rows.length).toBeGreaterThan(35);
  expect(rows.filter(({ length }) => length !== 3)).toEqual([]);
});

describe('the guarantee', () => {
  test.each(rows)('"%s" is shown by a test that is there', (_, words = '', place = '') => {
    const [, file = '', link = '', name = ''] =
      /^\[([^\]]+)\]\(([^)]+)\): `(.+)`$/.exec(place) ?? [];

    const text = readFileSync(path.join(folder, link), 'utf8');

    expect(words).toMatch(/^[A-Z`].*\.$/s);
    expect(path.basename(link)).toBe(file);
    expect(file).toMatch(/(\.test|-cases|^cases)\.ts$/);
    // Where the name alone says too little, its group stands before it.
    for (const part of name.split(' > ')) expect(testNamesIn(text)).toContain(part);
  });
});

/** The names of the tests and groups in a file; those of `each` before they are filled in. */
function testNamesIn(text: string): readonly string[] {
  const call =
    /\b(?:test|it|describe)(?:\.\w+(?:\((?:[^()]|\([^()]*\))*\))?)?\(\s*'((?:[^'\\]|\\.)*)'/g;
  return [...text.matchAll(call)].map(([, name = '']) => name.replaceAll("\\'", "'"));
}
