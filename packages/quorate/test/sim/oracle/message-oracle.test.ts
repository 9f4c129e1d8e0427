import { expect, test } from 'vitest';
import type { NodeView, SimMessage } from '../hooks.ts';
import { CommitOracle } from './commit-oracle.ts';
import { MessageOracle } from './message-oracle.ts';
import { codeOf, OracleBench } from './oracle-bench.ts';
import { VoteOracle } from './vote-oracle.ts';

class Talking {
  readonly bench = new OracleBench();
  readonly #messages = new MessageOracle(this.bench.ledger, {
    votes: new VoteOracle(this.bench.ledger),
    commits: new CommitOracle(this.bench.ledger),
  });

  send(from: string, kind: SimMessage['kind'], request: unknown, now: object = {}): string {
    const view = this.#view(from, { committed: 1, ...now });
    return codeOf(() =>
      this.#messages.onSent(this.bench.node(from), view, message(from, kind, request)),
    );
  }

  answer(to: string, kind: SimMessage['kind'], request: unknown, response: unknown): string {
    const asked = message('x', kind, request);
    return codeOf(() =>
      this.#messages.onAnswered(
        this.bench.node(to),
        this.#view(to, { committed: 1 }),
        asked,
        response,
      ),
    );
  }

  #view(id: string, now: object): NodeView {
    return { id, disk: 1, state: this.bench.state(id, now) } as unknown as NodeView;
  }
}

function message(from: string, kind: SimMessage['kind'], request: unknown): SimMessage {
  return { number: 1, kind, from, to: 'y', fromLife: 1, request, sentAt: 0 };
}

const append = { previous: { term: 0, index: 1 }, entries: [], committed: 1 };

test('a leader that speaks before its term is on the disk is seen (S3)', () => {
  const it = new Talking();

  expect(it.send('a', 'appendEntries', { ...append, term: 1, leader: 'a' })).toBe('S3');
  it.bench.lead('a', 1);
  expect(it.send('a', 'appendEntries', { ...append, term: 1, leader: 'a' })).toBe('none');
});

test('an answer that names a term before it is on the disk is seen (S3)', () => {
  const response = { term: 1, accepted: false, hint: { term: 0, index: 0 } };

  expect(new Talking().answer('a', 'appendEntries', append, response)).toBe('S3');
});

test('a node that speaks as the leader of a term that another one leads is seen (S1)', () => {
  const it = new Talking();
  it.bench.lead('a', 1);
  it.bench.vote('b', 1, 'b');

  expect(it.send('b', 'appendEntries', { ...append, term: 1, leader: 'b' })).toBe('S1');
});

test('a leader that tells of a commit that it has not made is seen (S12)', () => {
  const it = new Talking();
  it.bench.lead('a', 1);

  expect(it.send('a', 'appendEntries', { ...append, term: 1, leader: 'a', committed: 2 })).toBe(
    'S12',
  );
});

test('a leader that goes on sending although it knows of a newer term is seen (S1)', () => {
  const it = new Talking();
  it.bench.lead('a', 1);
  const old = { ...append, term: 1, leader: 'a' };
  expect(it.send('a', 'appendEntries', old)).toBe('none');
  expect(it.send('a', 'appendEntries', old, { term: 2 })).toBe('S1');
});

test('a snapshot of what is not committed is seen when it is sent (S19)', () => {
  const it = new Talking();
  it.bench.lead('a', 1);
  const meta = { id: 's', lastLogId: { term: 1, index: 2 } };

  expect(it.send('a', 'installSnapshot', { term: 1, leader: 'a', meta })).toBe('S19');
});

test('an index for a read that is older than the question is seen (S21)', () => {
  const it = new Talking();
  it.bench.lead('a', 1);
  it.bench.commit('a', 1);
  expect(it.send('b', 'readIndex', { mode: 'quorum' })).toBe('none');

  expect(it.answer('a', 'readIndex', {}, { term: 1, index: 2 })).toBe('none');
  expect(it.answer('a', 'readIndex', {}, { term: 1, index: 1 })).toBe('S21');
});

test('a node that votes or accepts after its disk has failed is seen (S25)', () => {
  const it = new Talking();
  const node = it.bench.node('b');
  it.bench.lead('a', 1);
  it.bench.copy('a', 'b');
  it.bench.vote('b', 1, 'a');
  const accepted = { term: 1, accepted: true, match: 2 };
  const request = { term: 1, candidate: 'a', preVote: false };
  expect(it.answer('b', 'appendEntries', append, accepted)).toBe('none');

  node.diskFailure = 'EIO';
  node.isDiskDead = true;
  expect(it.answer('b', 'appendEntries', append, accepted)).toBe('S25');
  expect(it.answer('b', 'requestVote', request, { term: 1, granted: true })).toBe('S25');
  expect(it.send('b', 'requestVote', { ...request, candidate: 'b' })).toBe('S25');
});
