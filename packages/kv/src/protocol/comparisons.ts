import type { Compare, CompareResult } from '../types.ts';
import type { FieldReader, FieldWriter } from './fields.ts';
import { hasEnd, numberOf, readEnd, readKey, writeKey } from './pairs.ts';

/* Comparisons as they stand in a transaction; see docs/kv-wire-format.md. */

/** What the shortest one takes. */
export const leastCompareBytes = 9;

const compareFlags = { end: 1 } as const;
const compareResults: readonly CompareResult[] = ['equal', 'notEqual', 'greater', 'less'];
const compareTargets: readonly Compare['target'][] = ['value', 'version', 'create', 'mod', 'lease'];

export function writeCompare(writer: FieldWriter, compare: Compare): void {
  writer.u8(numberOf(compareTargets, compare.target, 'what can be compared'));
  writer.u8(numberOf(compareResults, compare.result, 'a result of comparing'));
  const hasItsEnd = hasEnd(compare);
  writer.u8(hasItsEnd ? compareFlags.end : 0);
  writeKey(writer, compare.key);
  if (hasItsEnd) writer.sized(compare.end as Uint8Array);
  if (compare.target === 'value') writer.sized(compare.value);
  else writer.u53(compare.number);
}

export function readCompare(reader: FieldReader): Compare {
  const target = reader.name(compareTargets, 'target of comparing');
  const result = reader.name(compareResults, 'result of comparing');
  const flags = reader.flags(compareFlags.end);
  const key = readKey(reader);
  const range = (flags & compareFlags.end) === 0 ? { key } : { key, end: readEnd(reader) };
  if (target === 'value') return { ...range, target, result, value: reader.sized('a value') };
  return { ...range, target, result, number: reader.u53() };
}
