import type { ByteString } from '../../bytes.ts';

/** From `key` on and before `end`. */
export interface NamedRange {
  readonly key: ByteString;
  readonly end: ByteString;
  /** Different for different ranges. */
  readonly name: string;
}

interface Node<Range> {
  readonly range: Range;
  /** Higher than those of all nodes below. */
  readonly priority: number;
  left: Node<Range> | undefined;
  right: Node<Range> | undefined;
  /** The largest end of this node and all below. */
  lastEnd: ByteString;
}

type Tree<Range> = Node<Range> | undefined;

/**
 * Finds the ranges that a key lies in without looking at all of them: a treap ordered by the start
 * of the ranges, in which every node knows how far the ranges below it reach.
 */
export class RangeTree<Range extends NamedRange> {
  #root: Tree<Range> = undefined;
  #count = 0;

  get isEmpty(): boolean {
    return this.#root === undefined;
  }

  add(range: Range): void {
    this.#count += 1;
    const { end: lastEnd } = range;
    const priority = scrambled(this.#count);
    this.#root = insert(this.#root, {
      range,
      priority,
      left: undefined,
      right: undefined,
      lastEnd,
    });
  }

  remove(range: Range): void {
    this.#root = remove(this.#root, range);
  }

  /** Appends the ranges that have the key to `found`. */
  find(key: ByteString, found: Range[]): void {
    collect(this.#root, key, found);
  }
}

function collect<Range extends NamedRange>(
  node: Tree<Range>,
  key: ByteString,
  found: Range[],
): void {
  if (node === undefined || node.lastEnd <= key) return;
  collect(node.left, key, found);
  if (node.range.key > key) return;
  if (key < node.range.end) found.push(node.range);
  collect(node.right, key, found);
}

function insert<Range extends NamedRange>(node: Tree<Range>, added: Node<Range>): Node<Range> {
  if (node === undefined) return added;
  if (added.priority > node.priority) {
    const [left, right] = split(node, added.range);
    added.left = left;
    added.right = right;
    return measured(added);
  }
  if (isBefore(added.range, node.range)) node.left = insert(node.left, added);
  else node.right = insert(node.right, added);
  return measured(node);
}

/** Those before the range, and the others. */
function split<Range extends NamedRange>(
  node: Tree<Range>,
  range: Range,
): readonly [Tree<Range>, Tree<Range>] {
  if (node === undefined) return [undefined, undefined];
  if (isBefore(node.range, range)) {
    const [left, right] = split(node.right, range);
    node.right = left;
    return [measured(node), right];
  }
  const [left, right] = split(node.left, range);
  node.left = right;
  return [left, measured(node)];
}

function remove<Range extends NamedRange>(node: Tree<Range>, range: Range): Tree<Range> {
  if (node === undefined) return undefined;
  if (node.range === range) return join(node.left, node.right);
  if (isBefore(range, node.range)) node.left = remove(node.left, range);
  else node.right = remove(node.right, range);
  return measured(node);
}

/** All of `left` is before all of `right`. */
function join<Range extends NamedRange>(left: Tree<Range>, right: Tree<Range>): Tree<Range> {
  if (left === undefined) return right;
  if (right === undefined) return left;
  if (left.priority > right.priority) {
    left.right = join(left.right, right);
    return measured(left);
  }
  right.left = join(left, right.left);
  return measured(right);
}

function measured<Range extends NamedRange>(node: Node<Range>): Node<Range> {
  let { end } = node.range;
  if (node.left !== undefined && node.left.lastEnd > end) end = node.left.lastEnd;
  if (node.right !== undefined && node.right.lastEnd > end) end = node.right.lastEnd;
  node.lastEnd = end;
  return node;
}

function isBefore(a: NamedRange, b: NamedRange): boolean {
  return a.key === b.key ? a.name < b.name : a.key < b.key;
}

/** As good as drawn, and the same in every run: 1, 2, 3... with their bits mixed. */
function scrambled(count: number): number {
  let bits = Math.imul(count, 0x9e3779b1);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
