import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ByteString } from '../../src/bytes.ts';
import { KeyTree } from '../../src/store/key-tree.ts';
import { newKey, noValue, type StoredKey, type StoredVersion } from '../../src/store/versions.ts';

/** A key that is live, or was deleted. */
function keyOf(key: ByteString, isLive: boolean): StoredKey {
  const stored = newKey(key, 0);
  setLive(stored, isLive);
  return stored;
}

function setLive(stored: StoredKey, isLive: boolean): void {
  const count = isLive ? 1 : 0;
  const version: StoredVersion = {
    of: stored,
    createRevision: count,
    modRevision: 2,
    version: count,
    lease: 0,
    digest: 0,
    ...noValue,
    before: undefined,
  };
  stored.newest = version;
}

function listed(tree: KeyTree, from: ByteString, to?: ByteString): ByteString[] {
  const keys: ByteString[] = [];
  tree.ascend(from, to, ({ key }) => keys.push(key) > 0);
  return keys;
}

function listedDown(tree: KeyTree, from: ByteString, to?: ByteString): ByteString[] {
  const keys: ByteString[] = [];
  tree.descend(from, to, ({ key }) => keys.push(key) > 0);
  return keys;
}

/** The tree as a sorted list. */
class Twin {
  readonly keys: StoredKey[] = [];

  find(key: ByteString): StoredKey | undefined {
    return this.keys.find((stored) => stored.key === key);
  }

  in(from: ByteString, to?: ByteString): StoredKey[] {
    return this.keys
      .filter(({ key }) => key >= from && (to === undefined || key < to))
      .sort((one, other) => (one.key < other.key ? -1 : 1));
  }
}

/** Adds the key, brings it back, deletes it or forgets it, whichever is next for it. */
function turn(tree: KeyTree, twin: Twin, key: ByteString): void {
  const stored = twin.find(key);
  if (stored === undefined) {
    const added = keyOf(key, true);
    twin.keys.push(added);
    tree.add(added);
  } else if (stored.newest.version > 0) {
    setLive(stored, false);
    tree.count(key, -1);
  } else if (key.endsWith('0')) {
    setLive(stored, true);
    tree.count(key, 1);
  } else {
    twin.keys.splice(twin.keys.indexOf(stored), 1);
    tree.remove(key);
  }
}

function expectEqual(tree: KeyTree, twin: Twin, from: ByteString, to?: ByteString): void {
  const wanted = twin.in(from, to);
  const keys = wanted.map(({ key }) => key);
  expect(listed(tree, from, to)).toEqual(keys);
  expect(listedDown(tree, from, to)).toEqual(keys.toReversed());
  expect(tree.countLive(from, to)).toBe(wanted.filter(({ newest }) => newest.version > 0).length);
}

const number = fc.integer({ min: 0, max: 700 });
const keys = fc.oneof(
  fc.array(number, { minLength: 300, maxLength: 3000 }),
  // In order, and then all of it again, so that it is emptied.
  fc.integer({ min: 1, max: 700 }).map((count) => {
    const once = Array.from({ length: count }, (_, place) => place);
    return [...once, ...once, ...once.toReversed()];
  }),
);

test('a tree lists and counts as a sorted list does, whatever is added and removed', () => {
  fc.assert(
    fc.property(keys, fc.array(fc.tuple(number, number)), (numbers, spans) => {
      const tree = new KeyTree();
      const twin = new Twin();

      for (const each of numbers) turn(tree, twin, `${each}`);

      expectEqual(tree, twin, '');
      expect(tree.liveCount).toBe(tree.countLive('', undefined));
      for (const [from, to] of spans) expectEqual(tree, twin, `${from}`, `${to}`);
    }),
    { numRuns: 60 },
  );
});

test('a tree that is built of sorted keys is like one to which they were added', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9000 }), fc.array(number), (count, more) => {
      const twin = new Twin();
      for (let at = 0; at < count; at += 1) {
        twin.keys.push(keyOf(`${at}`.padStart(4, '0'), at % 3 > 0));
      }

      const tree = KeyTree.fromSorted(twin.keys);
      for (const each of more) turn(tree, twin, `${each}`.padStart(4, '0'));

      expect(tree.liveCount).toBe(tree.countLive('', undefined));
      expectEqual(tree, twin, '');
      expectEqual(tree, twin, '0100', '4000');
    }),
    { numRuns: 30 },
  );
});

test('a walk ends when it is told to', () => {
  const tree = KeyTree.fromSorted(
    Array.from({ length: 1000 }, (_, at) => keyOf(`${at}`.padStart(3, '0'), true)),
  );
  const seen: ByteString[] = [];

  tree.ascend('100', undefined, ({ key }) => seen.push(key) < 3);
  tree.descend('', '200', ({ key }) => seen.push(key) < 6);

  expect(seen).toEqual(['100', '101', '102', '199', '198', '197']);
});
