import { expect, test } from 'vitest';
import { deedText, parseDeed } from './deed.ts';

test.each([
  'initialize',
  'wake n3 late=200',
  'wake n2 | timeout=37',
  'deliver append n1>n2 t1 after 1 +2 #3',
  'deliver answer to vote n1>n2 t4 | timeout=5,9 batch=1,0',
  'crash n2 done=1 torn=truncate entries=2',
  'change n1 voters=n1,n2,n4 keep=1',
  'pass ms=120',
  'rest',
])('a deed is read as it was written: %s', (text) => {
  expect(deedText(parseDeed(text))).toBe(text);
});

test('what was drawn is not said where it is the benign answer', () => {
  const deed = { ...parseDeed('wake n1'), timeouts: [0, 0], batches: [0] };

  expect(deedText(deed)).toBe('wake n1');
});

test.each([
  ['explode n1', /must begin with one of initialize, propose/],
  ['wake', /must name a node after "wake"/],
  ['deliver', /must name a message/],
  ['crash n1 done', /has "done" where name=value must be/],
  ['wake n1 | timeout=x', /must hold a whole number from 0 up, not x/],
])('what is no deed is refused: %s', (text, complaint) => {
  expect(() => parseDeed(text)).toThrow(complaint);
});
