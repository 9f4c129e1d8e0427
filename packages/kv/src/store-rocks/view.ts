import type { StateMoment } from '@quorate/rocksdb';
import type { ByteString } from '../bytes.ts';
import type { KeySpan } from '../store/key-span.ts';
import type { Revision } from '../types.ts';
import { Cursor } from './cursor.ts';
import type { LiveCounts } from './live-counts.ts';
import { visitPast } from './past-versions.ts';
import {
  decodeVersion,
  keyOfLiveRow,
  liveRow,
  liveRows,
  versionRows,
  versionRowsUpTo,
} from './rows.ts';
import type { Look, Source, VisitOptions } from './source.ts';
import { isLive, type Version } from './version.ts';

/** What a view knows beside its rows. */
export interface ViewNumbers {
  readonly revision: Revision;
  readonly compactedRevision: Revision;
  readonly hash: string;
}

interface Wanted {
  readonly rows: Buffer[];
  readonly found: Promise<(Uint8Array | undefined)[]>;
}

/**
 * The state as it was after one batch of commands, for as long as somebody reads it. Whoever does
 * says so with `use` and `done`.
 */
export class View implements Source {
  readonly revision: Revision;
  readonly compactedRevision: Revision;
  readonly hash: string;
  readonly moment: StateMoment;
  readonly #counts: Pick<LiveCounts, 'counting'>;
  #uses = 0;
  #isReplaced = false;
  /** Keys that are asked for in this turn: they are read together. */
  #wanted: Wanted | undefined;

  constructor(
    moment: StateMoment,
    { revision, compactedRevision, hash }: ViewNumbers,
    counts: Pick<LiveCounts, 'counting'>,
  ) {
    this.moment = moment;
    this.revision = revision;
    this.compactedRevision = compactedRevision;
    this.hash = hash;
    this.#counts = counts;
  }

  use(): void {
    this.#uses += 1;
  }

  async done(): Promise<void> {
    this.#uses -= 1;
    if (this.#isReplaced && this.#uses === 0) await this.moment.release();
  }

  /** A newer one has taken its place. */
  async replaced(): Promise<void> {
    this.#isReplaced = true;
    if (this.#uses === 0) await this.moment.release();
  }

  async newest(key: ByteString): Promise<Version | undefined> {
    const wanted = this.#wantedNow();
    const place = wanted.rows.push(liveRow(key)) - 1;
    const value = (await wanted.found)[place];
    return value === undefined ? undefined : decodeVersion(key, value);
  }

  /** The live versions of some keys. */
  async newestOf(keys: readonly ByteString[]): Promise<(Version | undefined)[]> {
    const values = await this.moment.getMany(keys.map(liveRow));
    return values.map((value, at) =>
      value === undefined ? undefined : decodeVersion(keys[at] as ByteString, value),
    );
  }

  async at(key: ByteString, revision: Revision): Promise<Version | undefined> {
    const newest = await this.newest(key);
    if (newest !== undefined && newest.modRevision <= revision) return newest;
    if (revision >= this.revision) return undefined;
    const [found] = await this.moment.page(versionRowsUpTo(key, revision), { limit: 1 });
    const version = found === undefined ? undefined : decodeVersion(key, found[1]);
    return isLive(version) ? version : undefined;
  }

  async visit(
    span: KeySpan,
    at: Revision,
    look: Look,
    { isDown = false, expected = 16 }: VisitOptions = {},
  ): Promise<void> {
    if (isEmpty(span)) return;
    const live = new Cursor(this.moment, liveRows(span), { isDown, expected });
    if (at < this.revision) {
      const past = new Cursor(this.moment, versionRows(span), { isDown, expected });
      return visitPast({ live, past }, at, look, { isDown });
    }
    for (;;) {
      if (live.needsLoad) await live.load();
      const { entry } = live;
      if (entry === undefined) return;
      if (!look(decodeVersion(keyOfLiveRow(entry[0]), entry[1]))) return;
      live.next();
    }
  }

  counting(span: KeySpan): () => Promise<number> {
    return isEmpty(span) ? async () => 0 : this.#counts.counting(span, this.moment);
  }

  #wantedNow(): Wanted {
    if (this.#wanted !== undefined) return this.#wanted;
    const rows: Buffer[] = [];
    const found = Promise.resolve().then(() => {
      this.#wanted = undefined;
      return this.moment.getMany(rows);
    });
    this.#wanted = { rows, found };
    return this.#wanted;
  }
}

function isEmpty({ from, to }: KeySpan): boolean {
  return to !== undefined && to <= from;
}
