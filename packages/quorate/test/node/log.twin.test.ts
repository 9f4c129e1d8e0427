import { expect, test } from 'vitest';
import type { LogStore } from '../../src/contract/log-store.ts';
import type { Entry, Identity, LogIndex, Term } from '../../src/core/types.ts';
import { Log, type Write } from '../../src/node/log.ts';
import { MemoryLogStore } from '../../src/storage/memory/log-store.ts';
import { contentOf, drawFrom } from '../../src/testing/log-store/model.ts';
import { commandRun } from './entries.ts';
import { GroupingStore } from './grouping-store.ts';
import { settle } from './virtual-runtime.ts';

/*
 * Group commit and its naive twin, which does every single write as it was asked for. Each seed has
 * its own history; the failing test names it.
 */

const identity: Identity = { cluster: 'c', node: 'a', incarnation: 'i', starts: 1 };
const seeds = Array.from({ length: 20 }, (_, at) => at + 1);

test.each(
  seeds.flatMap((seed) => [
    { seed, name: 'in single calls', Store: MemoryLogStore },
    { seed, name: 'in one call', Store: GroupingStore },
  ]),
)('groups of writes $name come to the same as the plain writes (seed $seed)', async (drawn) => {
  const draw = drawFrom(drawn.seed);
  const store = new drawn.Store();
  const plain = new MemoryLogStore();
  const failures: unknown[] = [];
  let reported = 0;
  const log = new Log({
    store,
    identity,
    last: 0,
    tailCacheBytes: draw(3) * 200,
    onPersisted: (write) => (reported = write),
    onPurged: () => undefined,
    onFailure: (cause) => failures.push(cause),
  });
  const history = new History(draw);

  for (let round = 0; round < 60; round += 1) {
    // The first is written alone; what comes during that is one group.
    const writes = Array.from({ length: 1 + draw(7) }, () => history.next());
    for (const write of writes) log.persist(write);
    await settle();
    for (const write of writes) await writePlainly(plain, write);

    expect(failures).toEqual([]);
    expect(reported).toBe(history.writes);
    const content = await contentOf(plain);
    expect(await contentOf(store)).toEqual(content);
    expect(await readAll(log, history.last)).toEqual(content.entries);
  }
});

/** Draws writes: terms never fall, and a truncation may lie past the end, where it does nothing. */
class History {
  readonly #draw: (below: number) => number;
  #term: Term = 1;
  last: LogIndex = 0;
  writes = 0;

  constructor(draw: (below: number) => number) {
    this.#draw = draw;
  }

  next(): Write {
    const draw = this.#draw;
    const write: { -readonly [Name in keyof Write]: Write[Name] } = { write: ++this.writes };
    if (draw(3) === 0) {
      this.#term += draw(2);
      write.vote = { term: this.#term, votedFor: 'abc'[draw(4)] };
    }
    if (draw(3) === 0) {
      write.truncate = Math.max(0, this.last + 2 - draw(9));
      this.last = Math.min(this.last, write.truncate);
    }
    if (draw(4) > 0) {
      write.append = commandRun(this.#term, this.last + 1, this.last + 2 + draw(4));
      this.last = write.append.at(-1)?.logId.index ?? this.last;
    }
    return write;
  }
}

async function writePlainly(store: LogStore, { vote, truncate, append }: Write): Promise<void> {
  if (vote !== undefined) await store.saveVote(vote);
  if (truncate !== undefined) await store.truncate(truncate);
  if (append !== undefined) await store.append(append);
}

async function readAll(log: Log, last: LogIndex): Promise<Entry[]> {
  const entries: Entry[] = [];
  while (entries.length < last) {
    entries.push(...(await log.read(entries.length + 1, last + 1, 1024 * 1024)));
  }
  return entries;
}
