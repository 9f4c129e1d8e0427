import type { ByteString } from '../bytes.ts';
import { compacted } from '../store/refusals.ts';
import type { KvEvent, Revision } from '../types.ts';
import { Cursor } from './cursor.ts';
import type { Change } from './draft.ts';
import { eventOf } from './events.ts';
import { decodeOrder, ordered } from './orders.ts';
import {
  changeRows,
  decodeChange,
  decodeVersion,
  keyOfChangeRow,
  orderRow,
  revisionOfRow,
  versionRow,
} from './rows.ts';
import { tombstone, type Version } from './version.ts';
import type { View } from './view.ts';

/** A change as its row has it: without the pairs. */
export interface PastChange extends Pick<Change, 'type' | 'key'> {
  readonly revision: Revision;
  /** The revision of the live version that it replaced; 0 if there was none. */
  readonly before: Revision;
}

/** What some revisions changed. */
export interface PastChanges {
  /** In order. */
  readonly changes: readonly PastChange[];
  /** The last revision whose changes are among them. */
  readonly upTo: Revision;
}

/** Reads changes from the disk, as of one moment. It must be ended with `done`. */
export class PastReader {
  readonly #view: View;

  constructor(view: View) {
    this.#view = view;
    view.use();
  }

  done(): Promise<void> {
    return this.#view.done();
  }

  /**
   * Changes of whole revisions from `from` to `to`, which is in: about `most`, and more only if one
   * revision has more.
   *
   * @throws {KvError} `KV_COMPACTED` if `from` is not above the compacted revision.
   */
  async changes(from: Revision, to: Revision, most: number): Promise<PastChanges> {
    const { compactedRevision } = this.#view;
    // Rows may be missing there, and nobody would notice.
    if (from <= compactedRevision) throw compacted(from, compactedRevision);
    const rows = new Cursor(this.#view.moment, changeRows(from, to + 1), { expected: most });
    const all: PastChange[] = [];
    let group: PastChange[] = [];
    let upTo = from - 1;
    for (;;) {
      if (rows.needsLoad) await rows.load();
      const { entry } = rows;
      const revision = entry === undefined ? to + 1 : revisionOfRow(entry[0]);
      if (group.length > 0 && revision !== group[0]?.revision) {
        for (const change of await this.#inOrder(group)) all.push(change);
        group = [];
        upTo = revision - 1;
        if (all.length >= most) break;
      }
      if (entry === undefined) return { changes: all, upTo: to };
      const { isDelete, before } = decodeChange(entry[1]);
      const type = isDelete ? 'delete' : 'put';
      group.push({ type, key: keyOfChangeRow(entry[0]), revision, before });
      rows.next();
    }
    return { changes: all, upTo };
  }

  /** The events of some changes, in their order. */
  async events(
    changes: readonly PastChange[],
    { previous }: { readonly previous: boolean },
  ): Promise<KvEvent[]> {
    const puts = changes.filter(({ type }) => type === 'put');
    const versions = await this.#versions(puts.map(({ key, revision }) => ({ key, revision })));
    const replaced = previous ? changes.filter(({ before }) => before !== 0) : [];
    const olds = await this.#versions(
      replaced.map(({ key, before }) => ({ key, revision: before })),
    );
    const ofPuts = new Map(puts.map((change, at) => [change, versions[at]]));
    const before = new Map(replaced.map((change, at) => [change, olds[at]]));
    const { compactedRevision } = this.#view;
    return changes.map((change) => {
      const { type, key, revision } = change;
      const version = ofPuts.get(change) ?? tombstone(key, revision);
      const whole = { type, key, version, before: before.get(change) };
      return eventOf(whole, { previous, compactedRevision });
    });
  }

  /** @throws if one is not there, which it must be while its change is kept. */
  async #versions(
    wanted: readonly { readonly key: ByteString; readonly revision: Revision }[],
  ): Promise<Version[]> {
    const newest = await this.#view.newestOf(wanted.map(({ key }) => key));
    const isNewest = (at: number): boolean => newest[at]?.modRevision === wanted[at]?.revision;
    const older = wanted.filter((_, at) => !isNewest(at));
    const rows = older.map(({ key, revision }) => versionRow(key, revision));
    const values = (await this.#view.moment.getMany(rows)).values();
    return wanted.map(({ key, revision }, at) => {
      if (isNewest(at)) return newest[at] as Version;
      const value = values.next().value;
      if (value !== undefined) return decodeVersion(key, value);
      throw new Error(`The state on the disk lacks what revision ${revision} made of a key.`);
    });
  }

  async #inOrder(group: PastChange[]): Promise<readonly PastChange[]> {
    const [first] = group;
    if (first === undefined || group.length === 1) return group;
    const [order] = await this.#view.moment.getMany([orderRow(first.revision)]);
    return (order === undefined ? undefined : ordered(group, decodeOrder(order))) ?? group;
  }
}
