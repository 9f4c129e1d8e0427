import { expect, onTestFinished, test } from 'vitest';
import type { LogStore } from '../../src/contract/log-store.ts';
import type { Entry, LogIndex, Term } from '../../src/core/types.ts';
import { Log } from '../../src/node/log.ts';
import { MemoryLogStore } from '../../src/storage/memory/log-store.ts';
import { contentOf, drawFrom } from '../../src/testing/log-store/model.ts';
import { commandRun } from './entries.ts';
import { GatedStore } from './gated-store.ts';
import { GroupingStore } from './grouping-store.ts';
import { settle } from './virtual-runtime.ts';

/*
 * Group commit with purges, and its naive twin, which does every single step as it was asked for.
 * Each seed has its own history; the failing test names it.
 */

test.each(Array.from({ length: 30 }, (_, seed) => seed + 1))(
  'writes and purges in groups come to the same as one by one (seed %i)',
  async (seed) => {
    const draw = drawFrom(seed);
    const inner = seed % 2 === 0 ? new MemoryLogStore() : new GroupingStore();
    const store = new GatedStore(inner);
    onTestFinished(() => expect(store.overlaps).toEqual([]));
    const plain = new MemoryLogStore();
    const failures: unknown[] = [];
    const log = new Log({
      store,
      identity: { cluster: 'c', node: 'a', incarnation: 'i', starts: 1 },
      last: 0,
      tailCacheBytes: draw(3) * 300,
      onPersisted: () => undefined,
      onPurged: () => undefined,
      onFailure: (cause) => failures.push(cause),
    });
    const history = new History(draw, log);

    for (let round = 0; round < 50; round += 1) {
      const steps: Step[] = [];
      if (draw(2) === 0) store.hold();
      for (let step = 0; step < 1 + draw(8); step += 1) {
        steps.push(await history.next());
        if (draw(3) === 0) {
          store.releaseOne();
          await settle();
        }
        // What is in memory or on the disk is the log at any time.
        const { purged, last } = history;
        const newest = last > purged ? [last] : [];
        const found = await readAll(log, last, last + newest.length);
        expect(found.map(({ logId }) => logId.index)).toEqual(newest);
      }
      store.release();
      await settle();
      for (const run of steps) await run(plain);

      expect(failures).toEqual([]);
      const content = await contentOf(plain);
      expect(await contentOf(inner)).toEqual(content);
      const { purged, last } = history;
      expect(await readAll(log, purged + 1, last + 1)).toEqual(content.entries);
    }
  },
);

/** The same step, done to a store at once. */
type Step = (store: LogStore) => Promise<void>;

/** Draws steps, and asks the log for each of them. */
class History {
  readonly #draw: (below: number) => number;
  readonly #log: Log;
  #term: Term = 1;
  #writes = 0;
  purged: LogIndex = 0;
  last: LogIndex = 0;

  constructor(draw: (below: number) => number, log: Log) {
    this.#draw = draw;
    this.#log = log;
  }

  async next(): Promise<Step> {
    const kind = this.#draw(8);
    if (kind === 1) return this.#replace();
    if (kind > 2 || this.last === this.purged) return this.#append();
    return kind === 0 ? this.#purge() : this.#truncate();
  }

  async #purge(): Promise<Step> {
    const index = this.purged + 1 + this.#draw(this.last - this.purged);
    const [{ logId }] = (await readAll(this.#log, index, index + 1)) as [Entry];
    this.#log.purge(logId, { all: index === this.last });
    this.purged = index;
    return (store) => store.purge(logId);
  }

  /** A snapshot of another history, or ahead of the log. */
  #replace(): Step {
    this.#term += 1;
    const index = Math.max(this.purged + 1, this.last - 3 + this.#draw(6));
    const logId = { term: this.#term, index };
    this.#log.purge(logId, { all: true });
    this.purged = index;
    this.last = index;
    return (store) => store.purge(logId);
  }

  #truncate(): Step {
    const truncate = this.purged + this.#draw(this.last - this.purged);
    this.#term += 1;
    this.#log.persist({ write: ++this.#writes, truncate });
    this.last = truncate;
    return (store) => store.truncate(truncate);
  }

  #append(): Step {
    const append = commandRun(this.#term, this.last + 1, this.last + 2 + this.#draw(4));
    this.#log.persist({ write: ++this.#writes, append });
    this.last = append.at(-1)?.logId.index ?? this.last;
    return async (store) => store.append(append);
  }
}

async function readAll(log: Log, from: LogIndex, to: LogIndex): Promise<Entry[]> {
  const entries: Entry[] = [];
  while (from + entries.length < to) {
    entries.push(...(await log.read(from + entries.length, to, 1024 * 1024)));
  }
  return entries;
}
