import type { ByteString } from '../bytes.ts';
import { isLive, type StoredKey } from './versions.ts';

/** The most keys of a leaf, and the most children of a branch. */
const most = 64;
/** Neighbours that have no more than so many together become one. */
const mergeAt = most / 2;
/** How full a tree is built from sorted keys: so that it takes some more without splitting. */
const filled = 48;

interface Leaf {
  readonly isLeaf: true;
  readonly keys: ByteString[];
  readonly items: StoredKey[];
  /** Keys that are not deleted. */
  live: number;
}

interface Branch {
  readonly isLeaf: false;
  /** `keys[n]` is above all keys of child `n`, and not above those of child `n + 1`. */
  readonly keys: ByteString[];
  readonly items: Node[];
  /** Keys below it that are not deleted. */
  live: number;
}

type Node = Leaf | Branch;

/** Return `false` to end the walk. */
export type Visit = (stored: StoredKey) => boolean;

/**
 * All keys in order, those that are deleted and not yet forgotten included: a B+tree. It knows how
 * many live keys are below each node, so that it counts a range without walking it.
 */
export class KeyTree {
  #root: Node = { isLeaf: true, keys: [], items: [], live: 0 };

  /** Builds a tree of keys that are sorted and different. */
  static fromSorted(sorted: readonly StoredKey[]): KeyTree {
    const tree = new KeyTree();
    if (sorted.length === 0) return tree;
    let level: Node[] = [];
    let lowest: ByteString[] = [];
    for (let from = 0; from < sorted.length; from += filled) {
      const items = sorted.slice(from, from + filled);
      const keys = items.map(({ key }) => key);
      level.push({ isLeaf: true, keys, items, live: countLive(items, items.length) });
      lowest.push(keys[0] as ByteString);
    }
    while (level.length > 1) {
      const above: Node[] = [];
      const lowestAbove: ByteString[] = [];
      for (let from = 0; from < level.length; from += filled) {
        const items = level.slice(from, from + filled);
        const keys = lowest.slice(from + 1, from + items.length);
        above.push({ isLeaf: false, keys, items, live: sumLive(items, items.length) });
        lowestAbove.push(lowest[from] as ByteString);
      }
      level = above;
      lowest = lowestAbove;
    }
    tree.#root = level[0] as Node;
    return tree;
  }

  get liveCount(): number {
    return this.#root.live;
  }

  /** Adds a live key that is not there. */
  add(stored: StoredKey): void {
    const split = addTo(this.#root, stored);
    if (split === undefined) return;
    const items = [this.#root, split.node];
    this.#root = { isLeaf: false, keys: [split.key], items, live: sumLive(items, 2) };
  }

  /** Counts a key that is there once more (`1`) or not any more (`-1`). */
  count(key: ByteString, change: 1 | -1): void {
    let node = this.#root;
    node.live += change;
    while (!node.isLeaf) {
      node = node.items[childAt(node.keys, key)] as Node;
      node.live += change;
    }
  }

  /** Removes a key that is there and is not counted as live. */
  remove(key: ByteString): void {
    if (removeFrom(this.#root, key)) this.#root = { isLeaf: true, keys: [], items: [], live: 0 };
    while (!this.#root.isLeaf && this.#root.items.length === 1) {
      this.#root = this.#root.items[0] as Node;
    }
  }

  /** How many live keys there are from `from` on and before `to`, or to the end. */
  countLive(from: ByteString, to: ByteString | undefined): number {
    if (to !== undefined && to <= from) return 0;
    const below = to === undefined ? this.#root.live : liveBelow(this.#root, to);
    return below - liveBelow(this.#root, from);
  }

  /** Visits the keys from `from` on and before `to`, or to the end, in order. */
  ascend(from: ByteString, to: ByteString | undefined, visit: Visit): void {
    ascendIn(this.#root, from, to, visit);
  }

  /** The same from the last one to the first. */
  descend(from: ByteString, to: ByteString | undefined, visit: Visit): void {
    descendIn(this.#root, from, to, visit);
  }
}

/** The first place whose key is not below `key`. */
function placeOf(keys: readonly ByteString[], key: ByteString): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as ByteString) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The child of a branch that `key` belongs to. */
function childAt(keys: readonly ByteString[], key: ByteString): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (key < (keys[middle] as ByteString)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A node that was made of the upper part of another, and the lowest key that it may have. */
interface Split {
  readonly key: ByteString;
  readonly node: Node;
}

function addTo(node: Node, stored: StoredKey): Split | undefined {
  node.live += 1;
  if (node.isLeaf) {
    const place = placeOf(node.keys, stored.key);
    insertAt(node.keys, place, stored.key);
    insertAt(node.items, place, stored);
    return node.keys.length <= most ? undefined : splitLeaf(node, place);
  }
  const place = childAt(node.keys, stored.key);
  const split = addTo(node.items[place] as Node, stored);
  if (split === undefined) return undefined;
  insertAt(node.keys, place, split.key);
  insertAt(node.items, place + 1, split.node);
  return node.items.length <= most ? undefined : splitBranch(node, place + 1);
}

/** Keys that come in order leave full nodes behind; others leave halves. */
function splitAt(count: number, added: number): number {
  return added === count - 1 ? count - 1 : count >>> 1;
}

function splitLeaf(leaf: Leaf, added: number): Split {
  const at = splitAt(leaf.keys.length, added);
  const keys = leaf.keys.splice(at);
  const items = leaf.items.splice(at);
  const live = countLive(items, items.length);
  leaf.live -= live;
  return { key: keys[0] as ByteString, node: { isLeaf: true, keys, items, live } };
}

function splitBranch(branch: Branch, added: number): Split {
  const at = splitAt(branch.items.length, added);
  const items = branch.items.splice(at);
  const keys = branch.keys.splice(at);
  const key = branch.keys.pop() as ByteString;
  const live = sumLive(items, items.length);
  branch.live -= live;
  return { key, node: { isLeaf: false, keys, items, live } };
}

/** Whether the node has nothing left. */
function removeFrom(node: Node, key: ByteString): boolean {
  if (node.isLeaf) {
    const place = placeOf(node.keys, key);
    if (node.keys[place] !== key) throw new Error('Only a key that is there can be removed.');
    node.keys.splice(place, 1);
    node.items.splice(place, 1);
    return node.keys.length === 0;
  }
  const place = childAt(node.keys, key);
  if (removeFrom(node.items[place] as Node, key)) {
    node.items.splice(place, 1);
    node.keys.splice(Math.max(place - 1, 0), 1);
    return node.items.length === 0;
  }
  mergeChildren(node, place);
  mergeChildren(node, place - 1);
  return false;
}

/** Makes one of the children at `place` and `place + 1`, if they are small enough. */
function mergeChildren(branch: Branch, place: number): void {
  const one = branch.items[place];
  const other = branch.items[place + 1];
  if (one === undefined || other === undefined) return;
  if (one.items.length + other.items.length > mergeAt) return;
  if (!one.isLeaf) one.keys.push(branch.keys[place] as ByteString);
  one.keys.push(...other.keys);
  (one.items as unknown[]).push(...other.items);
  one.live += other.live;
  branch.keys.splice(place, 1);
  branch.items.splice(place + 1, 1);
}

/** The live keys below `key`. */
function liveBelow(root: Node, key: ByteString): number {
  let node = root;
  let count = 0;
  while (!node.isLeaf) {
    const place = childAt(node.keys, key);
    // Whichever side has fewer children to add up.
    if (place <= node.items.length / 2) count += sumLive(node.items, place);
    else count += node.live - sumLiveFrom(node.items, place);
    node = node.items[place] as Node;
  }
  return count + countLive(node.items, placeOf(node.keys, key));
}

function countLive(items: readonly StoredKey[], to: number): number {
  let count = 0;
  for (let at = 0; at < to; at += 1) if (isLive(items[at] as StoredKey)) count += 1;
  return count;
}

function sumLive(items: readonly Node[], to: number): number {
  let sum = 0;
  for (let at = 0; at < to; at += 1) sum += (items[at] as Node).live;
  return sum;
}

function sumLiveFrom(items: readonly Node[], from: number): number {
  let sum = 0;
  for (let at = from; at < items.length; at += 1) sum += (items[at] as Node).live;
  return sum;
}

function ascendIn(node: Node, from: ByteString, to: ByteString | undefined, visit: Visit): boolean {
  if (node.isLeaf) {
    for (let at = placeOf(node.keys, from); at < node.keys.length; at += 1) {
      if (to !== undefined && (node.keys[at] as ByteString) >= to) return false;
      if (!visit(node.items[at] as StoredKey)) return false;
    }
    return true;
  }
  for (let at = childAt(node.keys, from); at < node.items.length; at += 1) {
    if (!ascendIn(node.items[at] as Node, from, to, visit)) return false;
  }
  return true;
}

function descendIn(
  node: Node,
  from: ByteString,
  to: ByteString | undefined,
  visit: Visit,
): boolean {
  if (node.isLeaf) {
    const end = to === undefined ? node.keys.length : placeOf(node.keys, to);
    for (let at = end - 1; at >= 0; at -= 1) {
      if ((node.keys[at] as ByteString) < from) return false;
      if (!visit(node.items[at] as StoredKey)) return false;
    }
    return true;
  }
  const start = to === undefined ? node.items.length - 1 : childAt(node.keys, to);
  for (let at = start; at >= 0; at -= 1) {
    if (!descendIn(node.items[at] as Node, from, to, visit)) return false;
  }
  return true;
}

/** As `splice`, without the array that it returns. */
function insertAt<Item>(items: Item[], place: number, item: Item): void {
  for (let at = items.length; at > place; at -= 1) items[at] = items[at - 1] as Item;
  items[place] = item;
}
