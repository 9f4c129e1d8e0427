import fc from 'fast-check';
import { expect, test } from 'vitest';

import { findJsonFault } from '../../src/server/http/json-fault.ts';

test.each([
  ['{"a": 1,}', 1, 9, '"}" where a name in quotes should come'],
  ['{"a": 1\n "b": 2}', 2, 2, '"\\"" where "," or "}" should come'],
  ['[1, 2', 1, 6, 'it ends where "," or "]" should come'],
  ['{"a" 1}', 1, 6, '"1" where ":" should come'],
  ['{"a": "b', 1, 9, 'it ends inside a string'],
  ['{"a": "b\n"}', 1, 9, 'a control character in a string'],
  ['{"a": "\\x"}', 1, 8, 'an escape that JSON does not know'],
  ['{"a": tru}', 1, 7, '"t" where a value should come'],
  ['{} {}', 1, 4, '"{" where the end should come'],
  ['[01]', 1, 3, '"1" where "," or "]" should come'],
  ["{'a': 1}", 1, 2, '"\'" where a name in quotes or "}" should come'],
])('the fault of %j is at line %i, column %i', (text, line, column, problem) => {
  expect(findJsonFault(text)).toEqual({ line, column, problem });
});

test('no fault is found in what the engine reads, and one in everything else', () => {
  const letters = fc.constantFrom(...'{}[]",:\\ \n\t012.eE+-truefalsn/u'.split(''));
  const jsonLike = fc.oneof(
    fc.array(letters, { maxLength: 12 }).map((parts) => parts.join('')),
    fc.json(),
    fc.tuple(fc.json(), fc.nat(), letters).map(([json, at, letter]) => {
      const place = at % (json.length + 1);
      return json.slice(0, place) + letter + json.slice(place + 1);
    }),
  );

  fc.assert(
    fc.property(jsonLike, (text) => {
      expect(findJsonFault(text) === undefined).toBe(isJson(text));
    }),
    { numRuns: 3000 },
  );
});

test('a text that nests a million deep costs no stack', () => {
  const fault = findJsonFault('['.repeat(1_000_000));

  expect(fault).toMatchObject({ line: 1, column: 1_000_001 });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
