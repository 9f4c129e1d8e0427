import { createHash } from 'node:crypto';
import type { NodeId } from '../../src/core/types.ts';

/** Where each node goes: the one at `from` gets the name of the one at `permutation[from]`. */
export type Permutation = readonly number[];

export const nodeCount = 3;
export const nodeIds: readonly NodeId[] = ['n1', 'n2', 'n3'];

/** All of them; the first changes nothing. */
export const permutations: readonly Permutation[] = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
];

export const identity = 0;

/** `composed[after][first]`: the number of the permutation that does `first` and then `after`. */
export const composed: readonly (readonly number[])[] = permutations.map((after) =>
  permutations.map((first) =>
    permutations.findIndex((both) => both.every((to, from) => to === after[first[from] as number])),
  ),
);

/** The number of the permutation that takes each one back. */
export const inverse: readonly number[] = permutations.map((_, number) =>
  permutations.findIndex((_other, other) => composed[other]?.[number] === identity),
);

const places: ReadonlyMap<unknown, number> = new Map(nodeIds.map((id, at) => [id, at]));

export function placeOf(id: NodeId): number {
  const at = places.get(id);
  if (at === undefined) throw new Error(`${id} is none of ${nodeIds.join(', ')}`);
  return at;
}

export function renamedPlace(at: number, number: number): number {
  return (permutations[number] as Permutation)[at] as number;
}

export function renamedBits(bits: number, number: number): number {
  let moved = 0;
  for (let at = 0; at < nodeCount; at += 1) {
    if ((bits & (1 << at)) !== 0) moved |= 1 << renamedPlace(at, number);
  }
  return moved;
}

/**
 * The same plain data with other names for the nodes. A list of names is a set for the core, so it
 * is sorted, and two that differ in their order alone are one.
 */
export function renamed<Data>(data: Data, number: number): Data {
  return rename(data, number) as Data;
}

function rename(data: unknown, number: number): unknown {
  if (typeof data === 'string') {
    const at = places.get(data);
    return at === undefined ? data : nodeIds[renamedPlace(at, number)];
  }
  if (typeof data !== 'object' || data === null || data instanceof Uint8Array) return data;
  if (Array.isArray(data)) {
    const list = data.map((one: unknown) => rename(one, number));
    return data.length > 1 && data.every((one) => places.has(one)) ? list.sort(byName) : list;
  }
  return Object.fromEntries(
    Object.entries(data).map(([name, value]) => [rename(name, number), rename(value, number)]),
  );
}

/** One text for all that is equal: the keys of objects are in order, and names are as given. */
export function textOf(data: unknown): string {
  // Commands have no bytes here; this is what is left of none in a file, too.
  if (data instanceof Uint8Array) return '{}';
  if (Array.isArray(data)) return `[${data.map(textOf).join()}]`;
  if (typeof data !== 'object' || data === null) {
    return typeof data === 'string' ? JSON.stringify(data) : String(data);
  }
  let text = '{';
  for (const name of Object.keys(data).sort()) {
    const value: unknown = (data as Record<string, unknown>)[name];
    if (value !== undefined) text += `${name}:${textOf(value)},`;
  }
  return `${text}}`;
}

/** 128 bits in place of a text that may be long. */
export function digest(text: string): string {
  return createHash('md5').update(text).digest('base64');
}

function byName(one: unknown, other: unknown): number {
  return String(one) < String(other) ? -1 : 1;
}
