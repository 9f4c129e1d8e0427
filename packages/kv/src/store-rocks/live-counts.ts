import type { StateMoment } from '@quorate/rocksdb';
import type { ByteString } from '../bytes.ts';
import type { KeySpan } from '../store/key-span.ts';
import { Cursor } from './cursor.ts';
import {
  countRow,
  countRows,
  decodeNumbers,
  encodeNumbers,
  keyOfCountRow,
  keyOfLiveRow,
  liveRows,
} from './rows.ts';

/** A stretch with more keys is split, and two neighbours with fewer together become one. */
const mostKeys = 1024;
const fewKeys = 256;
/** How many keys a new stretch has. */
const wantedKeys = 512;
/** As many stretches are split with one batch. */
const splitsAtOnce = 16;

interface Stretch {
  readonly from: ByteString;
  count: number;
}

/** A change of a row: no value deletes. */
export interface RowChange {
  readonly key: Buffer;
  readonly value: Uint8Array | undefined;
}

/**
 * How many live keys there are in each stretch of some hundreds of them, so that those of a range
 * are known without reading more than its two ends. In memory it takes a number and a key for each
 * stretch, which is some ten bytes for each hundred keys.
 */
export class LiveCounts {
  /** In order, without a gap; the first one begins with the empty key. */
  readonly #stretches: Stretch[];
  /** Rows that are not as the stretches are any more. */
  readonly #dirty = new Set<ByteString>();
  #total = 0;

  constructor(stretches: Stretch[] = [{ from: '', count: 0 }]) {
    this.#stretches = stretches;
    for (const { count } of stretches) this.#total += count;
  }

  static async read(moment: Pick<StateMoment, 'page'>): Promise<LiveCounts> {
    const stretches: Stretch[] = [];
    const rows = new Cursor(moment, countRows);
    for (;;) {
      if (rows.needsLoad) await rows.load();
      const { entry } = rows;
      if (entry === undefined) break;
      const [count = 0] = decodeNumbers(entry[1]);
      stretches.push({ from: keyOfCountRow(entry[0]), count });
      rows.next();
    }
    return stretches.length === 0 ? new LiveCounts() : new LiveCounts(stretches);
  }

  /** Of all keys. */
  get total(): number {
    return this.#total;
  }

  /** See `Source.counting`; `moment` must be of the same moment as the counts. */
  counting({ from, to }: KeySpan, moment: Pick<StateMoment, 'page'>): () => Promise<number> {
    const first = this.#placeOf(from);
    const last = to === undefined ? this.#stretches.length : this.#placeOf(to);
    let inner = 0;
    const ends: KeySpan[] = [];
    if (first === last) ends.push({ from, to });
    else {
      const begin = this.#stretches[first] as Stretch;
      if (begin.from === from) inner += begin.count;
      else ends.push({ from, to: this.#stretches[first + 1]?.from });
      for (let at = first + 1; at < last; at += 1) inner += (this.#stretches[at] as Stretch).count;
      const end = this.#stretches[last];
      if (end !== undefined && to !== undefined) ends.push({ from: end.from, to });
    }
    return async () => {
      let count = inner;
      for (const span of ends) count += await countKeys(moment, span);
      return count;
    };
  }

  /** Adds or takes away a key. */
  change(key: ByteString, by: 1 | -1): void {
    const stretch = this.#stretches[this.#placeOf(key)] as Stretch;
    stretch.count += by;
    this.#total += by;
    this.#dirty.add(stretch.from);
  }

  /** What the counts come to with these changes, as rows; the counts are as they were. */
  rowsWith(changes: Iterable<readonly [key: ByteString, by: 1 | -1]>): RowChange[] {
    const added = new Map<Stretch, number>();
    for (const [key, by] of changes) {
      const stretch = this.#stretches[this.#placeOf(key)] as Stretch;
      added.set(stretch, (added.get(stretch) ?? 0) + by);
    }
    const rows: RowChange[] = [];
    for (const [{ from, count }, by] of added) {
      rows.push({ key: countRow(from), value: encodeNumbers([count + by]) });
    }
    for (const from of this.#dirty) {
      const stretch = this.#stretches[this.#placeOf(from)] as Stretch;
      if (stretch.from !== from) rows.push({ key: countRow(from), value: undefined });
      else if (!added.has(stretch))
        rows.push({ key: countRow(from), value: encodeNumbers([stretch.count]) });
    }
    return rows;
  }

  /** The rows of `rowsWith` are written; the next ones begin anew. */
  written(): void {
    this.#dirty.clear();
  }

  /** Splits and joins stretches that have become too long or too short. Changes no number. */
  async balance(touched: Iterable<ByteString>, moment: Pick<StateMoment, 'page'>): Promise<void> {
    let splits = 0;
    for (const key of touched) {
      const place = this.#placeOf(key);
      const { count } = this.#stretches[place] as Stretch;
      if (count > mostKeys && splits < splitsAtOnce) {
        splits += 1;
        await this.#split(place, moment);
      } else if (count < fewKeys / 2) this.#join(place);
    }
  }

  async #split(place: number, moment: Pick<StateMoment, 'page'>): Promise<void> {
    const { from } = this.#stretches[place] as Stretch;
    const to = this.#stretches[place + 1]?.from;
    const parts: Stretch[] = [{ from, count: 0 }];
    const rows = new Cursor(moment, liveRows({ from, to }), { keysOnly: true, expected: mostKeys });
    for (;;) {
      if (rows.needsLoad) await rows.load();
      const { entry } = rows;
      if (entry === undefined) break;
      const part = parts.at(-1) as Stretch;
      if (part.count < wantedKeys) part.count += 1;
      else parts.push({ from: keyOfLiveRow(entry[0]), count: 1 });
      rows.next();
    }
    this.#stretches.splice(place, 1, ...parts);
    for (const part of parts) this.#dirty.add(part.from);
  }

  #join(place: number): void {
    const one = this.#stretches[place] as Stretch;
    const next = this.#stretches[place + 1];
    if (next === undefined || one.count + next.count > fewKeys) return;
    one.count += next.count;
    this.#stretches.splice(place + 1, 1);
    this.#dirty.add(one.from);
    this.#dirty.add(next.from);
  }

  #placeOf(key: ByteString): number {
    let low = 0;
    let high = this.#stretches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#stretches[middle] as Stretch).from <= key) low = middle + 1;
      else high = middle;
    }
    return Math.max(low - 1, 0);
  }
}

async function countKeys(moment: Pick<StateMoment, 'page'>, span: KeySpan): Promise<number> {
  const rows = new Cursor(moment, liveRows(span), { keysOnly: true, expected: mostKeys });
  let count = 0;
  for (;;) {
    if (rows.needsLoad) await rows.load();
    if (rows.entry === undefined) return count;
    rows.next();
    count += 1;
  }
}
