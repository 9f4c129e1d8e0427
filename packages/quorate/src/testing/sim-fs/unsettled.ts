import { isSameContent, type SectorOrHole } from './sector.ts';
import type { SimFile } from './sim-file.ts';
import type { NameChange, SimNames } from './sim-names.ts';

/**
 * One thing that a power cut decides: which of its versions the disk holds. Version 0 is the
 * durable one, and what it decides does not depend on what any other item does.
 */
export type UnsettledItem =
  | { readonly type: 'name'; readonly change: NameChange; readonly count: 2 }
  | {
      readonly type: 'size';
      readonly file: SimFile;
      readonly sizes: readonly number[];
      readonly count: number;
    }
  | {
      readonly type: 'sector';
      readonly file: SimFile;
      readonly number: number;
      readonly sectors: readonly SectorOrHole[];
      readonly count: number;
    };

/** A write in parts: for each of its sectors the item, and the version that the write made. */
export type UnsettledWrite = readonly { readonly item: number; readonly version: number }[];

/** Everything that a power cut at one moment decides. */
export interface Unsettled {
  readonly items: readonly UnsettledItem[];
  /** The writes that are not durable yet, or under way; their sectors from front to back. */
  readonly writes: readonly UnsettledWrite[];
}

/** One way to decide. */
export interface CrashChoice {
  /** The version of each item. */
  readonly versions: readonly number[];
  /** A sector, by its item, of which only the first bytes got there; the rest is older. */
  readonly tear?: { readonly item: number; readonly bytes: number };
}

export function findUnsettled(names: SimNames): Unsettled {
  const items: UnsettledItem[] = [];
  const writes = new Map<number, { item: number; version: number }[]>();
  for (const change of names.unsettled()) items.push({ type: 'name', change, count: 2 });
  for (const file of names.files()) {
    if (file.unsettledSizes.length > 0) {
      const sizes = [file.durableSize, ...file.unsettledSizes.map(({ value }) => value)];
      items.push({ type: 'size', file, sizes, count: sizes.length });
    }
    for (const number of [...file.unsettledSectors.keys()].sort((a, b) => a - b)) {
      addSector({ items, writes }, file, number);
    }
  }
  return { items, writes: [...writes.values()] };
}

interface Found {
  readonly items: UnsettledItem[];
  readonly writes: Map<number, { item: number; version: number }[]>;
}

function addSector({ items, writes }: Found, file: SimFile, number: number): void {
  const sectors = [file.durableSector(number)];
  for (const { value, sequence } of file.unsettledSectors.get(number) ?? []) {
    if (isSameContent(sectors.at(-1), value)) continue;
    const parts = writes.get(sequence) ?? [];
    parts.push({ item: items.length, version: sectors.length });
    writes.set(sequence, parts);
    sectors.push(value);
  }
  if (sectors.length === 1) return;
  items.push({ type: 'sector', file, number, sectors, count: sectors.length });
}
