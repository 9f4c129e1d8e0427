import { expect, test } from 'vitest';
import { CommitOracle } from './commit-oracle.ts';
import { codeOf, OracleBench, wake } from './oracle-bench.ts';

function benchOf(): { bench: OracleBench; commits: CommitOracle } {
  const bench = new OracleBench();
  return { bench, commits: new CommitOracle(bench.ledger) };
}

/** `id` moves its commit index to `committed` in the term it is in. */
function commit({ bench, commits }: ReturnType<typeof benchOf>, id: string, committed: number) {
  const state = bench.state(id, { committed });
  return codeOf(() => commits.afterStep(bench.node(id), wake, state));
}

test('a match that is not on the disk, or not what the leader has, is seen (S4)', () => {
  const { bench, commits } = benchOf();
  bench.lead('a', 1);
  bench.copy('a', 'b');
  const accept = (id: string, term: number): string =>
    codeOf(() => commits.onMatch(bench.node(id), { term, match: 2 }));

  expect(accept('b', 1)).toBe('none');
  expect(accept('c', 1)).toBe('S4');
  bench.lead('c', 2);
  expect(accept('b', 2)).toBe('S4');
});

test('an entry of an older leader in the place of a committed one is seen (S9)', () => {
  const it = benchOf();
  it.bench.lead('a', 1);
  it.bench.copy('a', 'b');
  expect(commit(it, 'a', 2)).toBe('none');
  it.bench.lead('c', 2);

  expect(commit(it, 'c', 2)).toBe('S9');
});

test('a commit that is on no quorum of disks is seen (S10)', () => {
  const it = benchOf();
  it.bench.lead('a', 1);
  expect(commit(it, 'a', 2)).toBe('S10');
});

test('a disk that was lost after it took part still counts (S10)', () => {
  const it = benchOf();
  it.bench.lead('a', 1);
  it.bench.copy('a', 'b');
  it.bench.node('b').wipe();

  expect(commit(it, 'a', 2)).toBe('none');
});

test('a commit index that falls, or runs past the log, is seen (S11)', () => {
  const it = benchOf();
  it.bench.lead('a', 1);
  it.bench.copy('a', 'b');
  it.bench.commit('a', 1);

  expect(commit(it, 'a', 1)).toBe('S11');
  expect(commit(it, 'a', 3)).toBe('S11');
});

test('a leader that commits an entry of an older term by count is seen (S12)', () => {
  const it = benchOf();
  it.bench.lead('a', 1);
  it.bench.copy('a', 'b', 'c');
  it.bench.ledger.leaders.set(2, 'a');
  it.bench.ledger.logs.set(2, it.bench.node('a').log.copy());
  it.bench.node('a').term = 2;

  expect(commit(it, 'a', 2)).toBe('S12');
});

test('a follower that commits what its leader does not have is seen (S12)', () => {
  const it = benchOf();
  it.bench.lead('a', 1);
  it.bench.copy('a', 'b');
  it.bench.lead('c', 2);
  it.bench.node('b').term = 2;

  expect(commit(it, 'b', 2)).toBe('S12');
});

test('a commit that a leader of a later term lacks is seen (S8)', () => {
  const it = benchOf();
  it.bench.lead('a', 1);
  it.bench.copy('a', 'b');
  it.bench.lead('c', 2);

  expect(commit(it, 'a', 2)).toBe('S8');
});

test('an apply of what is not on the own disk, or twice, is seen (S11)', () => {
  const { bench, commits } = benchOf();
  const node = bench.node('a');
  bench.lead('a', 1);
  bench.commit('a', 1);
  const apply = (index: number, term = 1): string =>
    codeOf(() => commits.onApply(node, { type: 'apply', index }, term));

  node.disk.log.truncate(1);
  expect(apply(2)).toBe('S11');
  node.disk.log.append(1);
  expect(apply(2, 2)).toBe('S3');
  expect(apply(2)).toBe('none');
  expect(apply(2)).toBe('S11');
});

test('a leader that believes of a follower what its disk has not is seen (S15)', () => {
  const { bench, commits } = benchOf();
  bench.lead('a', 1);
  const believe = (matchIndex: number, nextIndex: number): string => {
    const progress = new Map([['b', { id: 'b', matchIndex, nextIndex }]]);
    const state = bench.state('a', { leadership: { progress } });
    return codeOf(() => commits.afterAnswer(bench.node('a'), state));
  };

  expect(believe(1, 2)).toBe('none');
  expect(believe(2, 3)).toBe('S15');
  expect(believe(1, 1)).toBe('S15');
});

test('a match in a term that has no leader yet is one of what is committed (S4)', () => {
  const { bench, commits } = benchOf();
  bench.lead('a', 1);
  bench.copy('a', 'b');
  const accept = (): string =>
    codeOf(() => commits.onMatch(bench.node('b'), { term: 2, match: 2 }));

  expect(accept()).toBe('S4');
  bench.commit('a', 1);
  expect(accept()).toBe('none');
});
