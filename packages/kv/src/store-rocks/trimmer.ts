import type { RocksState, StateChange } from '@quorate/rocksdb';
import type { Revision } from '../types.ts';
import {
  changeRow,
  changeRows,
  decodeChange,
  decodeNumbers,
  encodeNumbers,
  keyOfChangeRow,
  orderRow,
  revisionOfRow,
  trimmedRow,
  versionRow,
} from './rows.ts';

/** So many changes are let go of at a time. */
const changesAtATime = 512;

/**
 * Removes what is compacted from the disk, beside everything else. No read can tell how far it has
 * come: what it removes is only of revisions that nobody may ask for, and whoever began to read
 * before has a view of that moment.
 */
export class Trimmer {
  readonly #state: RocksState;
  readonly #failed: (error: unknown) => void;
  #trimmed: Revision;
  #compacted: Revision = 0;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(state: RocksState, trimmed: Revision, failed: (error: unknown) => void) {
    this.#state = state;
    this.#trimmed = trimmed;
    this.#failed = failed;
  }

  static async read(state: RocksState, failed: (error: unknown) => void): Promise<Trimmer> {
    const moment = state.freeze();
    const [row] = await moment.getMany([trimmedRow]);
    await moment.release();
    const [trimmed = 0] = row === undefined ? [] : decodeNumbers(row);
    return new Trimmer(state, trimmed, failed);
  }

  /** Everything up to here is compacted. */
  trimTo(compacted: Revision): void {
    this.#compacted = compacted;
    if (this.#running !== undefined || this.#isClosed || compacted <= this.#trimmed) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Begins nothing more, and resolves once nothing is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  /** Resolves once there is nothing to remove. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#trimmed < this.#compacted && !this.#isClosed) await this.#step();
    } catch (error) {
      this.#isClosed = true;
      this.#failed(error);
    }
  }

  async #step(): Promise<void> {
    const to = this.#compacted;
    const moment = this.#state.freeze();
    const range = changeRows(this.#trimmed + 1, to + 1);
    const page = await moment.page(range, { limit: changesAtATime });
    await moment.release();
    const rows: StateChange[] = [];
    const remove = (key: Buffer): void => void rows.push({ key, value: undefined });
    let last = this.#trimmed;
    for (const [row, value] of page) {
      const key = keyOfChangeRow(row);
      const revision = revisionOfRow(row);
      const { isDelete, before } = decodeChange(value);
      if (before !== 0) remove(versionRow(key, before));
      if (isDelete) remove(versionRow(key, revision));
      remove(changeRow(revision, key));
      if (revision !== last) remove(orderRow(revision));
      last = revision;
    }
    // The last revision of a full page may have more changes.
    const trimmed = page.length < changesAtATime ? to : last - 1;
    this.#trimmed = Math.max(this.#trimmed, trimmed);
    rows.push({ key: trimmedRow, value: encodeNumbers([this.#trimmed]) });
    await this.#state.write(rows);
  }
}
