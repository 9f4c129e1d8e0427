import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KvError } from '../../src/errors.ts';
import {
  decodeRangeRequests,
  decodeRangeResponses,
  encodeRangeRequests,
  encodeRangeResponses,
  mostRanges,
  type RangeAnswer,
  RangeResponsesWriter,
} from '../../src/protocol/ranges.ts';
import type { RangeResponse } from '../../src/types.ts';
import { rangeRequest, rangeResponse } from './arbitraries.ts';

const key = Uint8Array.of(107);

test('reads are read as they were written', () => {
  fc.assert(
    fc.property(fc.array(rangeRequest, { maxLength: 5 }), (drawn) => {
      expect(decodeRangeRequests(encodeRangeRequests(drawn))).toEqual(drawn);
    }),
    { numRuns: 1000 },
  );
});

test('answers are read as they were written, refusals among them', () => {
  const refusal = fc.record({
    type: fc.constant('error' as const),
    code: fc.constantFrom('KV_COMPACTED' as const, 'KV_FUTURE_REVISION' as const),
    message: fc.string(),
  });
  const detailed = fc
    .tuple(refusal, fc.nat())
    .map(([one, compactedRevision]) => ({ ...one, details: { compactedRevision } }));
  const answer: fc.Arbitrary<RangeAnswer> = fc.oneof(
    rangeResponse.map((drawn) => ({ type: 'range' as const, ...drawn })),
    refusal,
    detailed,
  );

  fc.assert(
    fc.property(fc.array(answer, { maxLength: 5 }), (drawn) => {
      expect(decodeRangeResponses(encodeRangeResponses(drawn))).toEqual(drawn);
    }),
    { numRuns: 500 },
  );
});

test('a read with flags that nobody knows is refused', () => {
  const bytes = encodeRangeRequests([{ key }]);
  new DataView(bytes.buffer).setUint16(bytes.byteOffset + 5, 1024, true);

  expect(() => decodeRangeRequests(bytes)).toThrow('flags that nobody knows (1024)');
});

test('a read of one key takes seven bytes besides it', () => {
  expect(encodeRangeRequests([{ key }, { key }]).length).toBe(5 + 2 * 7);
});

test('more reads than one message may ask are refused on both ends', () => {
  const tooMany = Array.from({ length: mostRanges + 1 }, () => ({ key }));
  const came = mostRanges + 1;
  const details = { limit: 'mostRanges', most: mostRanges, came };
  const most = encodeRangeRequests(tooMany.slice(1));
  const more = new Uint8Array(most.length + 7);
  more.set(most);
  more.set(most.subarray(5, 12), most.length);
  new DataView(more.buffer).setUint32(1, mostRanges + 1, true);

  expect(decodeRangeRequests(most)).toHaveLength(mostRanges);
  for (const attempt of [() => encodeRangeRequests(tooMany), () => decodeRangeRequests(more)]) {
    expect(attempt).toThrow(expect.objectContaining({ code: 'KV_TOO_LARGE', details }));
  }
});

test('an answer that would be too long is refused by itself, and the others are given', () => {
  const answers = new RangeResponsesWriter(1000);
  const small: RangeResponse = { revision: 1, kvs: [], more: false, count: 0 };
  const kv = { key, createRevision: 1, modRevision: 1, version: 1, lease: 0 };
  const large = { ...small, kvs: [{ ...kv, value: new Uint8Array(2000) }] };

  answers.add(small);
  answers.add(large);
  answers.add(small);
  answers.refuse(new KvError('KV_COMPACTED', 'Gone.'));

  expect(decodeRangeResponses(answers.finish())).toEqual([
    { type: 'range', ...small },
    {
      type: 'error',
      code: 'KV_TOO_LARGE',
      message:
        'The answer has at most 1000 bytes; this would be 2090. Read it in pages, with a limit.',
      details: { limit: 'maxAnswerBytes', most: 1000, came: 2090 },
    },
    { type: 'range', ...small },
    { type: 'error', code: 'KV_COMPACTED', message: 'Gone.' },
  ]);
});
