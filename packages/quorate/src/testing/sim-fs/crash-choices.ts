import type { SeededRandom } from './random.ts';
import { contentOf } from './sector.ts';
import type { CrashChoice, Unsettled, UnsettledWrite } from './unsettled.ts';

/** Up to so many decisions are all taken; of more, those that stores get wrong and a sample. */
const maxCombinations = 256;
/** Up to so many sectors of one write, or names, all subsets are taken. */
const maxSubsetItems = 8;
const sampledSubsets = 32;
const sampledChoices = 64;
/** In how many places the first and the last sector of a write are torn, and the others. */
const tearsAtEnds = 64;
const tearsInside = 8;

/** The ways to decide, at most `limit` of them, each once: all if they are few, else a sample. */
export function crashChoices(
  unsettled: Unsettled,
  { random, limit }: { random: SeededRandom; limit: number },
): CrashChoice[] {
  const counts = unsettled.items.map(({ count }) => count);
  const whole = isFew(counts) ? combinations(counts) : someCombinations(unsettled, random);
  const all = [...whole.map((versions) => ({ versions })), ...tornChoices(unsettled, random)];
  return random.sample(all, limit);
}

function isFew(counts: readonly number[]): boolean {
  let product = 1;
  for (const count of counts) {
    product *= count;
    if (product > maxCombinations) return false;
  }
  return true;
}

function combinations(counts: readonly number[]): number[][] {
  let found: number[][] = [[]];
  for (const count of counts) {
    found = found.flatMap((before) =>
      Array.from({ length: count }, (_, version) => [...before, version]),
    );
  }
  return found;
}

function someCombinations(unsettled: Unsettled, random: SeededRandom): number[][] {
  const { items, writes } = unsettled;
  const oldest = items.map(() => 0);
  const newest = items.map(({ count }) => count - 1);
  const found = [oldest, newest];
  for (const background of [oldest, newest]) {
    for (const write of writes) found.push(...writtenInPart(background, write, random));
    found.push(...namedInPart(background, unsettled, random));
  }
  for (let count = 0; count < sampledChoices; count += 1) {
    found.push(items.map((item) => random.below(item.count)));
  }
  return found;
}

/** A write of which some sectors got to the disk. */
function writtenInPart(
  background: readonly number[],
  write: UnsettledWrite,
  random: SeededRandom,
): number[][] {
  return subsets(write.length, random).map((isThere) => {
    const versions = [...background];
    for (const [at, { item, version }] of write.entries()) {
      versions[item] = isThere[at] === true ? version : version - 1;
    }
    return versions;
  });
}

/** Changes of names of which some got to the disk. */
function namedInPart(
  background: readonly number[],
  { items }: Unsettled,
  random: SeededRandom,
): number[][] {
  const names = [...items.keys()].filter((at) => items[at]?.type === 'name');
  return subsets(names.length, random).map((isThere) => {
    const versions = [...background];
    for (const [at, item] of names.entries()) versions[item] = isThere[at] === true ? 1 : 0;
    return versions;
  });
}

/** All subsets of few things; of many the first, the last, all but one, and a sample. */
function subsets(count: number, random: SeededRandom): boolean[][] {
  const all = Array.from({ length: count }, (_, at) => at);
  const subset = (isThere: (at: number) => boolean): boolean[] => all.map(isThere);
  if (count <= maxSubsetItems) {
    return Array.from({ length: 2 ** count }, (_, bits) =>
      subset((at) => Math.floor(bits / 2 ** at) % 2 === 1),
    );
  }
  return [
    ...[...all, count].map((end) => subset((at) => at < end)),
    ...all.map((start) => subset((at) => at > start)),
    ...all.map((missing) => subset((at) => at !== missing)),
    ...Array.from({ length: sampledSubsets }, () => subset(() => random.below(2) === 1)),
  ];
}

/** A write that stopped at a byte: the sectors before it are new, those after it are old. */
function tornChoices(unsettled: Unsettled, random: SeededRandom): CrashChoice[] {
  const { items, writes } = unsettled;
  const backgrounds = [items.map(() => 0), items.map(({ count }) => count - 1)];
  return writes.flatMap((write) =>
    write.flatMap(({ item, version }, at) => {
      const isEnd = at === 0 || at === write.length - 1;
      const places = tearPlaces(unsettled, { item, version });
      return random.sample(places, isEnd ? tearsAtEnds : tearsInside).map((bytes) => {
        const versions = [...(backgrounds[random.below(2)] ?? [])];
        for (const [before, part] of write.entries()) {
          versions[part.item] = before <= at ? part.version : part.version - 1;
        }
        return { versions, tear: { item, bytes } };
      });
    }),
  );
}

/** After how many bytes a sector can be torn so that it is neither the old one nor the new one. */
function tearPlaces({ items }: Unsettled, part: UnsettledWrite[number]): number[] {
  const item = items[part.item];
  if (item?.type !== 'sector') return [];
  const older = contentOf(item.sectors[part.version - 1]).bytes;
  const newer = contentOf(item.sectors[part.version]).bytes;
  const changed = [...newer.keys()].filter((at) => older[at] !== newer[at]);
  // Torn after this byte or that makes no difference if both are followed by the same change.
  return changed.slice(1);
}
