import { expect, test } from 'vitest';
import type { Entry, Membership } from '../../../src/core/types.ts';
import type { Durable } from '../hooks.ts';
import { codeOf, OracleBench } from './oracle-bench.ts';
import { checkAccount, RecoveryOracle } from './recovery-oracle.ts';

/** A node that has acknowledged one entry of term 1 and a vote in it, and comes back. */
class Recovering {
  readonly bench = new OracleBench();
  readonly entry: Entry;
  readonly first: Entry;
  readonly #recoveries = new RecoveryOracle(this.bench.ledger);

  constructor() {
    const { bench } = this;
    const { tree } = bench.ledger;
    this.first = {
      logId: { term: 0, index: 1 },
      payload: tree.find({ term: 0, index: 1 })?.payload as never,
    };
    this.entry = bench.entry(1, 2);
    tree.make('a', this.first.logId, this.entry);
    bench.node('a').disk.log.append(1);
    bench.vote('a', 1, 'a');
  }

  get acknowledged(): Durable {
    const vote = { term: 1, votedFor: 'a' };
    const entries = [this.first, this.entry];
    return {
      identity: undefined,
      vote,
      purged: { term: 0, index: 0 },
      entries,
      snapshot: undefined,
    };
  }

  find(parts: Partial<Durable> = {}): string {
    const { acknowledged } = this;
    const found = { ...acknowledged, ...parts };
    return codeOf(() => this.#recoveries.onRecovered(this.bench.node('a'), found, acknowledged));
  }
}

test('a disk that has all that it acknowledged is fine, and the node begins with it', () => {
  const it = new Recovering();

  expect(it.find()).toBe('none');
  expect(it.bench.node('a').log.last).toEqual({ term: 1, index: 2 });
  expect(it.bench.node('a').term).toBe(1);
});

test('a vote that is lost or changed is seen, and one on its way is fine (S3)', () => {
  expect(new Recovering().find({ vote: undefined })).toBe('S3');
  expect(new Recovering().find({ vote: { term: 1, votedFor: 'b' } })).toBe('S3');

  const it = new Recovering();
  it.bench.node('a').asked = [{ write: 1, vote: { term: 2, votedFor: 'b' }, append: [] }];
  expect(it.find({ vote: { term: 2, votedFor: 'b' } })).toBe('none');
});

test('an entry that is lost is seen, unless it was to be cut off (S4)', () => {
  const lost = new Recovering();
  expect(lost.find({ entries: [lost.first] })).toBe('S4');

  const cut = new Recovering();
  cut.bench.node('a').asked = [{ write: 1, truncate: 1, append: [] }];
  expect(cut.find({ entries: [cut.first] })).toBe('none');
});

test('a purge leaves nothing of a log that holds the entry in another form (S4)', () => {
  const lastLogId = { term: 2, index: 1 };
  const snapshot = { id: 's', lastLogId, membership: { logId: lastLogId } as never };
  const other = new Recovering();
  other.bench.ledger.committed[1] = lastLogId;
  expect(other.find({ entries: [], purged: lastLogId, snapshot })).toBe('none');

  const same = new Recovering();
  same.bench.ledger.committed[1] = same.first.logId;
  const own = { ...snapshot, lastLogId: same.first.logId };
  expect(same.find({ entries: [], purged: same.first.logId, snapshot: own })).toBe('S4');
});

test('an entry with another content, or that nobody made, is seen (S7)', () => {
  const it = new Recovering();
  const other = { logId: it.entry.logId, payload: it.bench.entry(1, 2).payload };
  expect(it.find({ entries: [it.first, other] })).toBe('S7');

  const stray = new Recovering();
  const entries = [stray.first, stray.entry, stray.bench.entry(1, 3)];
  expect(stray.find({ entries })).toBe('S7');
});

test('what a step asked for that was cut short may be there', () => {
  const it = new Recovering();
  const last = it.bench.entry(1, 3);
  it.bench.node('a').asked = [{ write: 1, append: [last] }];

  expect(it.find({ entries: [it.first, it.entry, last] })).toBe('none');
});

test('a snapshot that is lost, and a log purged beyond it, are seen (S19)', () => {
  const it = new Recovering();
  it.bench.node('a').disk.snapshot = { term: 0, index: 1 };
  expect(it.find()).toBe('S19');

  expect(new Recovering().find({ purged: { term: 0, index: 1 } })).toBe('S19');
});

test('changes of members in a log that its snapshot contradicts are not in force', () => {
  const it = new Recovering();
  const { ledger } = it.bench;
  const lastLogId = { term: 2, index: 1 };
  const membership = ledger.tree.membershipOf(it.first.logId) as Membership;
  const change: Entry = {
    logId: { term: 1, index: 3 },
    payload: { type: 'membership', membership },
  };
  ledger.tree.make('a', it.entry.logId, change);
  const entries = [it.first, it.entry, change];
  expect(it.find({ entries })).toBe('none');
  expect(it.bench.node('a').change).toEqual(change.logId);

  ledger.committed[1] = lastLogId;
  const snapshot = { id: 's', lastLogId, membership: { ...membership, logId: lastLogId } };
  expect(it.find({ entries, snapshot })).toBe('none');
  expect(it.bench.node('a').changes).toEqual([lastLogId]);
});

test('two accounts of one disk that do not agree are seen (S26)', () => {
  const it = new Recovering();
  it.find();
  const node = it.bench.node('a');

  expect(codeOf(() => checkAccount(node, it.acknowledged))).toBe('none');
  const shorter = { ...it.acknowledged, entries: [it.first] };
  expect(codeOf(() => checkAccount(node, shorter))).toBe('S26');
});
