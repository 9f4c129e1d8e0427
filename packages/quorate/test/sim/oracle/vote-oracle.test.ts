import { expect, test } from 'vitest';
import type { CoreState } from '../../../src/core/state.ts';
import { codeOf, OracleBench, wake } from './oracle-bench.ts';
import type { SeenNode } from './seen-node.ts';
import { VoteOracle } from './vote-oracle.ts';

const disk = 1;

function benchOf(ids?: readonly string[]): { bench: OracleBench; votes: VoteOracle } {
  const bench = new OracleBench(ids);
  return { bench, votes: new VoteOracle(bench.ledger) };
}

/** `id` has won `term` by the votes of `voters`, which they have given and hold on disk. */
function win(bench: OracleBench, votes: VoteOracle, id: string, term: number, voters: string[]) {
  const node = bench.node(id);
  for (const voter of [id, ...voters]) {
    bench.vote(voter, term, id);
    votes.onReleased(bench.node(voter), disk, { term, votedFor: id });
  }
  return elect(bench, votes, node, term, voters);
}

/** The step in which a node becomes leader, by the tally that its core has. */
function elect(
  bench: OracleBench,
  votes: VoteOracle,
  node: SeenNode,
  term: number,
  voters: string[],
) {
  const tally = new Map(voters.map((voter) => [voter, true]));
  const campaign = { phase: 'vote', isTransfer: false, tally, calls: new Map() };
  votes.onStepped(node, wake, bench.state(node.id, { term, campaign }));
  const state = bench.state(node.id, { term, role: 'leader', campaign: undefined });
  votes.onStepped(node, wake, state);
  votes.afterStep(node, disk, state);
}

test('an election by a quorum that has voted is fine, and it is counted', () => {
  const { bench, votes } = benchOf();

  win(bench, votes, 'a', 1, ['b']);

  expect(bench.ledger.leaders.get(1)).toBe('a');
  expect(bench.ledger.seen.elections).toBe(1);
});

test('two leaders of one term are seen (S1)', () => {
  const { bench, votes } = benchOf(['a', 'b', 'c', 'd']);
  bench.ledger.leaders.set(1, 'b');

  expect(codeOf(() => win(bench, votes, 'a', 1, ['c', 'd']))).toBe('S1');
});

test('a vote for two candidates of one term is seen (S2)', () => {
  const { bench, votes } = benchOf();
  const node = bench.node('c');
  bench.vote('c', 1, 'a');
  votes.onReleased(node, disk, { term: 1, votedFor: 'a' });
  bench.vote('c', 1, 'b');

  expect(codeOf(() => votes.onReleased(node, disk, { term: 1, votedFor: 'b' }))).toBe('S2');
});

test('a vote that leaves before it is on the disk is seen (S3)', () => {
  const { bench, votes } = benchOf();
  const request = {
    term: 3,
    candidate: 'a',
    lastLogId: { term: 0, index: 1 },
    preVote: false,
    transfer: false,
  };
  const answer = { term: 3, granted: true };

  bench.vote('b', 3, 'a');
  expect(codeOf(() => votes.onAnswer(bench.node('b'), disk, request, answer))).toBe('none');

  bench.vote('c', 2, 'a');
  expect(codeOf(() => votes.onAnswer(bench.node('c'), disk, request, answer))).toBe('S3');
});

test('a leader without what an older term has committed is seen (S8)', () => {
  const { bench, votes } = benchOf();
  bench.lead('b', 1);
  bench.copy('b', 'c');
  bench.commit('b', 1);

  expect(codeOf(() => win(bench, votes, 'a', 2, ['c']))).toBe('S8');
});

test('what was committed in a newer term is not asked of an older one (S8)', () => {
  const { bench, votes } = benchOf();
  bench.lead('b', 3);
  bench.copy('b', 'c');
  bench.commit('b', 3);

  expect(codeOf(() => win(bench, votes, 'a', 2, ['c']))).toBe('none');
});

test('an election by voters of whom nobody has what is committed is seen (S16)', () => {
  const { bench, votes } = benchOf();
  bench.lead('a', 1);
  bench.commit('a', 1);
  bench.node('a').disk.log.truncate(1);

  expect(codeOf(() => win(bench, votes, 'a', 2, ['c']))).toBe('S16');
});

test('voters who got it only since it was committed are not enough (S16)', () => {
  const { bench, votes } = benchOf();
  bench.lead('a', 1);
  bench.copy('a', 'b', 'c');
  bench.commit('a', 1);
  const { newestIn } = bench.ledger;

  newestIn.set(1, { index: 2, by: new Set(['a', 'c']) });
  expect(codeOf(() => win(bench, votes, 'b', 2, ['c']))).toBe('none');
  newestIn.set(1, { index: 2, by: new Set(['a']) });
  expect(codeOf(() => win(bench, votes, 'b', 3, ['c']))).toBe('S16');
});

test('a leader that has no vote itself is seen (S18)', () => {
  const { bench, votes } = benchOf();
  bench.copy('a', 'd');
  bench.node('d').changeBefore = bench.node('a').changeBefore;

  expect(codeOf(() => win(bench, votes, 'd', 1, ['a', 'b']))).toBe('S18');
});

test('a leader has a vote if the change that takes it may be in its log alone', () => {
  const { bench, votes } = benchOf();
  const others = { cluster: 'bench', voters: [['b', 'c']], nodes: { b: {}, c: {} } };
  const logId = { term: 1, index: 2 };
  const entry = { logId, payload: { type: 'membership', membership: others } } as const;
  bench.ledger.tree.make('a', { term: 0, index: 1 }, entry);
  for (const id of bench.ids) {
    const node = bench.node(id);
    node.log.append(1);
    node.disk.log.append(1);
    node.changes.push(logId);
    node.changeBefore = logId;
  }

  expect(codeOf(() => win(bench, votes, 'a', 2, ['b', 'c']))).toBe('none');
});

test('a vote that nobody gave, and one of a learner, are not enough (S18)', () => {
  const { bench, votes } = benchOf();
  bench.vote('a', 1, 'a');

  expect(codeOf(() => elect(bench, votes, bench.node('a'), 1, ['b']))).toBe('S18');

  const other = benchOf();
  expect(codeOf(() => win(other.bench, other.votes, 'a', 1, ['d']))).toBe('S18');
});

test('a term that falls is seen (S14)', () => {
  const { bench, votes } = benchOf();
  const node = bench.node('a');
  node.term = 4;

  expect(codeOf(() => votes.onStepped(node, wake, bench.state('a', { term: 3 })))).toBe('S14');
});

const rpc = {
  term: 1,
  candidate: 'b',
  lastLogId: { term: 0, index: 1 },
  preVote: true,
  transfer: false,
};
const event = { type: 'requestVote', request: 1, rpc } as const;

test('a pre-vote that is written down is seen (S20)', () => {
  const { bench, votes } = benchOf();
  const write = { type: 'persist', write: 1 } as const;

  expect(codeOf(() => votes.onPersist(bench.node('a'), wake, write))).toBe('none');
  expect(codeOf(() => votes.onPersist(bench.node('a'), event, write))).toBe('S20');
});

test('a pre-vote request that moves the election timer is seen (S20)', () => {
  const { bench, votes } = benchOf();
  const node = bench.node('a');
  const step = (electionAt: number): (() => void) => {
    const state: Readonly<CoreState> = bench.state('a', { electionAt, leaderHeardAt: -Infinity });
    return () => votes.onStepped(node, event, state);
  };

  expect(codeOf(step(Infinity))).toBe('none');
  expect(codeOf(step(500))).toBe('S20');
});

test('a term that is opened without a quorum of pre-votes is seen (S20)', () => {
  const { bench, votes } = benchOf();
  const node = bench.node('a');
  const write = { type: 'persist', write: 1, vote: { term: 1, votedFor: 'a' } } as const;
  const asked = (...granted: string[]): void => {
    const tally = new Map(granted.map((id) => [id, true]));
    node.lastCampaign = { phase: 'preVote', isTransfer: false, tally, calls: new Map() };
  };

  asked('b');
  expect(codeOf(() => votes.onPersist(node, wake, write))).toBe('none');
  asked();
  expect(codeOf(() => votes.onPersist(node, wake, write))).toBe('S20');
});
