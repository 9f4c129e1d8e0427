import type { ByteString } from '../bytes.ts';
import { decodeNumbers, encodeNumbers } from './rows.ts';

/** Places among the sorted keys of a revision that count up by one; as in a snapshot. */
export interface Run {
  readonly first: number;
  readonly count: number;
}

/** The order of changes as runs of places; `undefined` if it is that of their keys. */
export function orderOf(keys: readonly ByteString[]): Run[] | undefined {
  const sorted = [...keys].sort();
  if (sorted.every((key, at) => key === keys[at])) return undefined;
  const places = new Map(sorted.map((key, place) => [key, place]));
  const runs: { first: number; count: number }[] = [];
  for (const key of keys) {
    const place = places.get(key) as number;
    const run = runs.at(-1);
    if (run !== undefined && run.first + run.count === place) run.count += 1;
    else runs.push({ first: place, count: 1 });
  }
  return runs;
}

/** What is in the order of its keys, in the order of the runs; `undefined` if they are no order. */
export function ordered<One>(sorted: readonly One[], runs: readonly Run[]): One[] | undefined {
  const all: One[] = [];
  for (const { first, count } of runs) {
    if (count > sorted.length - all.length) return undefined;
    for (const one of sorted.slice(first, first + count)) all.push(one);
  }
  return all.length === sorted.length && new Set(all).size === all.length ? all : undefined;
}

export function encodeOrder(runs: readonly Run[]): Buffer {
  return encodeNumbers(runs.flatMap(({ first, count }) => [first, count]));
}

export function decodeOrder(bytes: Uint8Array): Run[] {
  const numbers = decodeNumbers(bytes);
  const runs: Run[] = [];
  for (let at = 0; at + 1 < numbers.length; at += 2) {
    runs.push({ first: numbers[at] as number, count: numbers[at + 1] as number });
  }
  return runs;
}
