import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeResults, ResultsWriter } from '../../src/protocol/results.ts';
import type { KeyValue, Result } from '../../src/types.ts';
import { results } from './arbitraries.ts';

const pair: KeyValue = {
  key: Uint8Array.of(1),
  value: Uint8Array.of(2, 3),
  createRevision: 4,
  modRevision: 5,
  version: 6,
  lease: 7,
};

test('results are read as they were written', () => {
  const writer = new ResultsWriter();

  fc.assert(
    fc.property(results, (drawn) => {
      for (const result of drawn) writer.add(result);
      expect(decodeResults(writer.finish())).toEqual(drawn);
    }),
    { numRuns: 1000 },
  );
});

test('a put is the same whether it is added as a result or by its revision', () => {
  const quick = new ResultsWriter();
  const slow = new ResultsWriter();

  quick.put(8);
  quick.put(9, pair);
  slow.add({ type: 'put', revision: 8 });
  slow.add({ type: 'put', revision: 9, previous: pair });

  const bytes = quick.finish();
  expect(bytes).toEqual(slow.finish());
  expect(bytes.length).toBe(5 + 9 + 9 + 40 + 3);
});

test('an answer is never written again, and keeps at most twice its memory alive', () => {
  const writer = new ResultsWriter();
  const answers: Uint8Array[] = [];
  for (let count = 1; count < 300; count += 7) {
    for (let put = 0; put < count; put += 1) writer.put(count);
    answers.push(writer.finish());
  }

  for (const [at, answer] of answers.entries()) {
    const count = 1 + 7 * at;
    const put: Result = { type: 'put', revision: count };
    expect(decodeResults(answer)).toEqual(Array.from({ length: count }, () => put));
    expect(answer.buffer.byteLength).toBeLessThanOrEqual(2 * answer.length);
  }
});

test('a code that a later version has added is quoted', () => {
  const writer = new ResultsWriter();
  writer.add({ type: 'error', code: 'KV_NEW' as 'KV_INVALID', message: 'Something.' });

  expect(decodeResults(writer.finish())).toEqual([
    { type: 'error', code: 'KV_INTERNAL', message: 'The server answered with KV_NEW: Something.' },
  ]);
});

test('what is no answer is refused as a failure of the server', () => {
  for (const bytes of [[], [2, 0, 0, 0, 0], [1, 1, 0, 0, 0, 77], [1, 0, 0, 0, 0, 1]]) {
    expect(() => decodeResults(Uint8Array.from(bytes))).toThrow(
      expect.objectContaining({ code: 'KV_INTERNAL' }),
    );
  }
});
