import type { Compare, CompareResult, RangeRequest, Revision } from '../types.ts';

/* What requests mean, whichever way the pairs are kept. */

/** The numbers of a pair that requests go by. */
export interface PairNumbers {
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly version: number;
  readonly lease: number;
}

/** At most so many pairs are in the answer. */
export function limitOf({ limit = 0 }: RangeRequest): number {
  return limit === 0 ? Infinity : limit;
}

/** Whether it leaves out pairs by their revisions. */
export function isFiltered(request: RangeRequest): boolean {
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  return [minModRevision, maxModRevision, minCreateRevision, maxCreateRevision].some(
    (bound = 0) => bound !== 0,
  );
}

/** Whether the pair is within the bounds of revisions. */
export function isWithin(
  { modRevision, createRevision }: Pick<PairNumbers, 'modRevision' | 'createRevision'>,
  request: RangeRequest,
): boolean {
  return (
    modRevision >= (request.minModRevision ?? 0) &&
    modRevision <= boundOf(request.maxModRevision) &&
    createRevision >= (request.minCreateRevision ?? 0) &&
    createRevision <= boundOf(request.maxCreateRevision)
  );
}

/** Whether a comparison holds where there is no such key: its numbers are 0, and no value is. */
export function holdsForNothing(compare: Compare): boolean {
  return compare.target !== 'value' && isSo(compare, 0);
}

/** @param difference of the pair's value from that of the comparison; asked for only if needed. */
export function holdsFor(
  pair: PairNumbers,
  compare: Compare,
  difference: (value: Uint8Array) => number,
): boolean {
  switch (compare.target) {
    case 'value':
      return matches(compare.result, difference(compare.value));
    case 'version':
      return isSo(compare, pair.version);
    case 'create':
      return isSo(compare, pair.createRevision);
    case 'mod':
      return isSo(compare, pair.modRevision);
    case 'lease':
      return isSo(compare, pair.lease);
  }
}

function boundOf(revision: Revision = 0): Revision {
  return revision === 0 ? Infinity : revision;
}

function isSo(compare: Compare, number: number): boolean {
  return compare.target !== 'value' && matches(compare.result, number - compare.number);
}

/** @param difference below 0, 0 or above 0. */
function matches(result: CompareResult, difference: number): boolean {
  switch (result) {
    case 'equal':
      return difference === 0;
    case 'notEqual':
      return difference !== 0;
    case 'greater':
      return difference > 0;
    case 'less':
      return difference < 0;
  }
}
