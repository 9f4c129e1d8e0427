import { expect, test } from 'vitest';
import type { Entry, Membership } from '../../../src/core/types.ts';
import { LogOracle } from './log-oracle.ts';
import { appendOf, codeOf, OracleBench, wake } from './oracle-bench.ts';

function benchOf(): { bench: OracleBench; logs: LogOracle } {
  const bench = new OracleBench();
  return { bench, logs: new LogOracle(bench.ledger) };
}

/** `node` is asked to write `parts` in the step that took `event`. */
function persist(
  { bench, logs }: ReturnType<typeof benchOf>,
  id: string,
  event: Parameters<LogOracle['onPersist']>[1],
  parts: { append?: Entry[]; truncate?: number },
  state = bench.state(id),
): string {
  const node = bench.node(id);
  const write = { type: 'persist', write: node.lastWrite + 1, ...parts } as const;
  return codeOf(() => logs.onPersist(node, event, write, state));
}

function changeTo(membership: Membership, term: number, index: number): Entry {
  return { logId: { term, index }, payload: { type: 'membership', membership } };
}

const nodes = { a: {}, b: {}, c: {}, d: {} };

test('a leader that truncates its own log is seen (S5)', () => {
  const it = benchOf();
  it.bench.lead('a', 1);

  expect(persist(it, 'a', appendOf('b', 1), { truncate: 1 })).toBe('S5');
});

test('an entry after another one than its author had before it is seen (S6)', () => {
  const it = benchOf();
  it.bench.lead('b', 1);
  const entry = it.bench.entry(1, 3);
  it.bench.ledger.tree.make('b', { term: 1, index: 2 }, entry);
  // Of the second entry, a has another one.
  it.bench.ledger.tree.make('a', { term: 0, index: 1 }, it.bench.entry(0, 2));
  it.bench.node('a').log.append(0);

  expect(persist(it, 'a', appendOf('b', 1), { append: [entry] })).toBe('S6');
});

test('an entry that nobody made, and one with another content, are seen (S7)', () => {
  const it = benchOf();
  const stray = it.bench.entry(1, 2);
  expect(persist(it, 'a', appendOf('b', 1), { append: [stray] })).toBe('S7');

  it.bench.ledger.tree.make('b', { term: 0, index: 1 }, it.bench.entry(2, 2));
  const other = it.bench.entry(2, 2);
  expect(persist(it, 'a', appendOf('b', 2), { append: [other] })).toBe('S7');
});

test('a second entry with the log id of another one is seen (S7)', () => {
  const it = benchOf();
  it.bench.lead('b', 1);
  it.bench.node('a').term = 1;

  const state = it.bench.state('a', { term: 1 });
  expect(persist(it, 'a', wake, { append: [it.bench.entry(1, 2)] }, state)).toBe('S7');
});

test('a truncation below what is committed, and one without a conflict, are seen (S13)', () => {
  const it = benchOf();
  it.bench.lead('b', 1);
  it.bench.copy('b', 'a', 'c');
  expect(persist(it, 'a', appendOf('b', 1), { truncate: 1 })).toBe('S13');

  const other = benchOf();
  other.bench.lead('b', 1);
  other.bench.lead('c', 2);
  other.bench.copy('b', 'a');
  other.bench.commit('a', 1);
  expect(persist(other, 'a', appendOf('c', 2), { truncate: 1 })).toBe('S13');
});

test('a truncation to where the leader has another entry is fine (S13)', () => {
  const it = benchOf();
  it.bench.lead('b', 1);
  it.bench.lead('c', 2);
  it.bench.copy('b', 'a');

  expect(persist(it, 'a', appendOf('c', 2), { truncate: 1 })).toBe('none');
  expect(it.bench.ledger.seen.truncations).toBe(1);
});

test('a core that has another log in mind than it asked for is seen (S13)', () => {
  const { bench, logs } = benchOf();
  const state = bench.state('a', {
    log: { last: { term: 1, index: 2 }, purged: { term: 0, index: 0 } },
  });

  expect(codeOf(() => logs.afterStep(bench.node('a'), state))).toBe('S13');
});

test('a change that begins too early, and one that leaps, are seen (S16)', () => {
  const joint = {
    cluster: 'bench',
    voters: [
      ['a', 'b', 'c'],
      ['a', 'b', 'd'],
    ],
    nodes,
  };
  const leap = { cluster: 'bench', voters: [['a', 'b', 'd']], nodes };
  const begin = (membership: Membership, committed: number): string => {
    const it = benchOf();
    it.bench.lead('a', 1);
    const state = it.bench.state('a', { committed });
    return persist(it, 'a', wake, { append: [changeTo(membership, 1, 3)] }, state);
  };

  expect(begin(joint, 2)).toBe('none');
  expect(begin(joint, 1)).toBe('S16');
  expect(begin(leap, 2)).toBe('S16');
});

test('a core that goes by another membership than its log has is seen (S17)', () => {
  const { bench, logs } = benchOf();
  const membership = { cluster: 'bench', voters: [['a']], nodes, logId: { term: 0, index: 1 } };
  const older = { ...membership, logId: { term: 0, index: 0 } };

  expect(codeOf(() => logs.afterStep(bench.node('a'), bench.state('a', { membership })))).toBe(
    'S17',
  );
  expect(
    codeOf(() => logs.afterStep(bench.node('a'), bench.state('a', { membership: older }))),
  ).toBe('S17');
});

test('a truncated membership that stays in force is seen, whoever else says so (S17)', () => {
  const it = benchOf();
  const { bench, logs } = it;
  const joint = { cluster: 'bench', voters: [['a', 'b', 'c'], ['a']], nodes };
  bench.lead('b', 1);
  const change = changeTo(joint, 1, 3);
  bench.ledger.tree.make('b', { term: 1, index: 2 }, change);
  bench.node('b').log.append(1);
  bench.lead('c', 2);
  const truncate = (): string => {
    bench.copy('b', 'a');
    bench.node('a').changes.push(change.logId);
    return persist(it, 'a', appendOf('c', 2), { truncate: 1 });
  };

  expect(truncate()).toBe('none');
  expect(codeOf(() => logs.afterStep(bench.node('a'), bench.state('a')))).toBe('none');
  expect(truncate()).toBe('none');
  // Both the core and what was noted of it as it went along have it wrong.
  bench.node('a').changes.push(change.logId);
  expect(codeOf(() => logs.afterStep(bench.node('a'), bench.state('a')))).toBe('S17');
});

test('a snapshot of what nobody committed, or with another membership, is seen (S19)', () => {
  const { bench, logs } = benchOf();
  bench.lead('a', 1);
  const first = bench.ledger.tree.membershipOf({ term: 0, index: 1 }) as Membership;
  const membership = { ...first, logId: { term: 0, index: 1 } };
  const check = (meta: Parameters<LogOracle['checkSnapshot']>[1]): string =>
    codeOf(() => logs.checkSnapshot(bench.node('a'), meta));

  expect(check({ id: 's', lastLogId: { term: 0, index: 1 }, membership })).toBe('none');
  expect(check({ id: 's', lastLogId: { term: 1, index: 2 }, membership })).toBe('S19');
  const other = { ...membership, voters: [['a']] };
  expect(check({ id: 's', lastLogId: { term: 0, index: 1 }, membership: other })).toBe('S19');
});

test('a purge of what no snapshot on the disk has is seen (S19)', () => {
  const { bench, logs } = benchOf();

  expect(codeOf(() => logs.onPurge(bench.node('a'), { term: 0, index: 1 }))).toBe('S19');
});

test('a write number that is left out is seen (S24)', () => {
  const { bench, logs } = benchOf();
  const write = { type: 'persist', write: 2 } as const;

  expect(codeOf(() => logs.onPersist(bench.node('a'), wake, write, bench.state('a')))).toBe('S24');
});
