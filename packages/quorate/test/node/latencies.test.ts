import { expect, test } from 'vitest';
import { CallBook } from '../../src/node/call-book.ts';
import { Histogram } from '../../src/node/histogram.ts';
import { Begun } from '../../src/node/latencies.ts';

test('one end is the end of everything that began before it', () => {
  const begun = new Begun();
  const record = new Histogram();
  begun.begin(3, 100);
  begun.begin(5, 101);
  begun.begin(9, 102);

  begun.end(5, 110, record);
  const first = record.picture;
  begun.end(8, 120, record);

  expect(first).toMatchObject({ count: 2, totalMs: 19, maxMs: 10 });
  expect(record.picture.count).toBe(2);
  begun.end(9, 122, record);
  expect(record.picture).toMatchObject({ count: 3, maxMs: 20 });
});

test('what is given up is not timed', () => {
  const begun = new Begun();
  const record = new Histogram();
  begun.begin(1, 0);

  begun.clear();
  begun.begin(2, 5);
  begun.end(2, 6, record);

  expect(record.picture).toMatchObject({ count: 1, maxMs: 1 });
});

test('places are bounded, and free again once something ends', () => {
  const begun = new Begun();
  const record = new Histogram();
  for (let round = 0; round < 3; round += 1) {
    for (let name = 1; name <= 5000; name += 1) begun.begin(round * 5000 + name, 0);
    begun.end((round + 1) * 5000, 1, record);
  }

  expect(record.picture.count).toBe(3 * 256);
});

test('a call is found by its number until it ends or many came after it', () => {
  const book = new CallBook();
  book.begin(7, 'append', 'b', 100).previous = 4;
  book.begin(8, 'vote', 'c', 101);

  expect(book.end(7)).toMatchObject({ type: 'append', to: 'b', previous: 4, at: 100 });
  expect(book.end(7)).toBeUndefined();
  expect(book.find(8)).toMatchObject({ type: 'vote', previous: 0 });
  for (let call = 9; call < 9 + 2000; call += 1) book.begin(call, 'append', 'b', 0);
  expect(book.find(8)).toBeUndefined();
});
