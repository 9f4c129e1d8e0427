import type RocksDB from 'rocksdb-native';
import {
  checkValue,
  type Key,
  type KeyRange,
  stateKey,
  stateRangeOf,
  withoutPrefix,
} from './keys.ts';
import type { BatchView, Entry } from './views.ts';

interface Change {
  readonly key: Buffer;
  /** `undefined`: deleted. */
  readonly value: Uint8Array | undefined;
}

/** The changes of a batch, laid over a state that does not know them yet. */
export class Overlay implements BatchView {
  readonly #changes = new Map<string, Change>();
  readonly #get: (key: Buffer) => Promise<Buffer | undefined>;
  readonly #pairs: (range: RocksDB.Range) => AsyncIterable<RocksDB.Pair>;

  constructor(below: {
    readonly get: (key: Buffer) => Promise<Buffer | undefined>;
    readonly pairs: (range: RocksDB.Range) => AsyncIterable<RocksDB.Pair>;
  }) {
    this.#get = below.get;
    this.#pairs = below.pairs;
  }

  async get(key: Key): Promise<Uint8Array | undefined> {
    const bytes = stateKey(key);
    const change = this.#changes.get(nameOf(bytes));
    return change === undefined ? this.#get(bytes) : change.value;
  }

  async *entries(range: KeyRange = {}): AsyncGenerator<Entry> {
    const { gte, lt } = stateRangeOf(range);
    const changes = this.#changesIn(gte, lt);
    let next = 0;
    for await (const { key, value } of this.#pairs({ gte, lt })) {
      let isChanged = false;
      for (let change = changes[next]; change !== undefined; change = changes[next]) {
        const order = change.key.compare(key);
        if (order > 0) break;
        isChanged = order === 0;
        next += 1;
        if (change.value !== undefined) yield [withoutPrefix(change.key), change.value];
      }
      if (!isChanged) yield [withoutPrefix(key), value];
    }
    for (const change of changes.slice(next)) {
      if (change.value !== undefined) yield [withoutPrefix(change.key), change.value];
    }
  }

  put(key: Key, value: Uint8Array): void {
    checkValue(value);
    this.#change(stateKey(key), value);
  }

  delete(key: Key): void {
    this.#change(stateKey(key), undefined);
  }

  /** What the batch comes to: the last change of each key. */
  get changes(): Iterable<Change> {
    return this.#changes.values();
  }

  #change(key: Buffer, value: Uint8Array | undefined): void {
    this.#changes.set(nameOf(key), { key, value });
  }

  #changesIn(from: Buffer, to: Buffer): Change[] {
    const isInside = ({ key }: Change): boolean => key.compare(from) >= 0 && key.compare(to) < 0;
    return [...this.#changes.values()]
      .filter(isInside)
      .sort((left, right) => left.key.compare(right.key));
  }
}

/** Bytes as a string of as many characters, which a map can compare. */
function nameOf(key: Buffer): string {
  return key.toString('latin1');
}
