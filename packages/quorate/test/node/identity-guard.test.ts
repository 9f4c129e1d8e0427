import { expect, test } from 'vitest';
import type { IdentifyResponse } from '../../src/contract/network.ts';
import type { CoreState } from '../../src/core/state.ts';
import type { NodeId } from '../../src/core/types.ts';
import { IdentityGuard } from '../../src/node/identity-guard.ts';
import { settle, VirtualRuntime } from './virtual-runtime.ts';

const minMs = 100;

interface Question {
  readonly to: NodeId;
  readonly answer: (starts?: number) => void;
  readonly fail: () => void;
}

/** The guard of node `a`, started twice, and the questions that it puts. */
class GuardUnderTest {
  readonly runtime = new VirtualRuntime();
  readonly questions: Question[] = [];
  readonly reasons: string[] = [];
  readonly guard: IdentityGuard;

  constructor(members: readonly NodeId[] = ['a', 'b', 'c', 'd', 'e']) {
    const membership = {
      cluster: 'k',
      voters: members.length === 0 ? [] : [members],
      nodes: Object.fromEntries(members.map((id) => [id, {}])),
      logId: { term: 0, index: 1 },
    };
    const state = { id: 'a', membership, last: { term: 1, index: 9 } };
    this.guard = new IdentityGuard({
      // Only what the guard reads of it.
      state: () => state as unknown as CoreState,
      identity: () => ({ cluster: 'k', node: 'a', incarnation: 'i', starts: 2 }),
      now: () => this.runtime.now(),
      electionTimeoutMs: { min: minMs, max: 2 * minMs },
      identify: (to) => this.#identify(to),
      within: (ms, ended) =>
        new Promise((resolve) => {
          const timer = this.runtime.setTimer(resolve, ms);
          void ended.then(() => {
            timer.cancel();
            resolve();
          });
        }),
      quarantine: (reason) => this.reasons.push(reason),
      changed: () => undefined,
    });
  }

  /** Takes the question that was put to `id`. */
  asked(id: NodeId): Question {
    const at = this.questions.findIndex(({ to }) => to === id);
    const [question] = this.questions.splice(at, at < 0 ? 0 : 1);
    if (question === undefined) throw new Error(`Nothing was asked of ${id}.`);
    return question;
  }

  #identify(to: NodeId): Promise<IdentifyResponse> {
    return new Promise((resolve, reject) => {
      const answer = (starts = 1): void => {
        const identity = { cluster: 'k', node: to, incarnation: `i-${to}`, starts: 1 };
        const remembers = { incarnation: 'i', starts, acknowledged: 0 };
        resolve({ identity, leader: undefined, remembers });
      };
      this.questions.push({ to, answer, fail: () => reject(new Error('out of reach')) });
    });
  }
}

/** Notes whether the vote may count: at once, `open` as long as it is not known, or what came. */
function watched(settling: Promise<boolean> | undefined): { said: 'at once' | 'open' | boolean } {
  const seen: { said: 'at once' | 'open' | boolean } = { said: 'at once' };
  if (settling === undefined) return seen;
  seen.said = 'open';
  void settling.then((mayCount) => {
    seen.said = mayCount;
  });
  return seen;
}

test('a first vote waits for the candidate, and for all who may still answer', async () => {
  const under = new GuardUnderTest();
  const vote = watched(under.guard.beforeVote('b'));

  under.asked('b').answer();
  under.asked('c').fail();
  under.asked('d').fail();
  await settle();
  expect(vote.said).toBe('open');
  under.asked('e').fail();
  await settle();

  expect(vote.said).toBe(true);
});

test('who was just tried in vain is not waited for again, but for the candidate itself', async () => {
  const under = new GuardUnderTest();
  under.guard.askAll();
  for (const id of ['b', 'c', 'd', 'e']) under.asked(id).fail();
  await settle();

  const vote = watched(under.guard.beforeVote('b'));
  under.asked('b').answer();
  await settle();
  expect(vote.said).toBe(true);
  expect(under.questions).toEqual([]);
  await under.runtime.advance(minMs);
  const later = watched(under.guard.beforeVote('b'));

  expect(later.said).toBe('open');
  expect(under.questions.map(({ to }) => to)).toEqual(['c', 'd', 'e']);
});

test('a vote for a candidate that does not answer does not count, and the next one asks again', async () => {
  const under = new GuardUnderTest(['a', 'b']);
  const first = watched(under.guard.beforeVote('b'));
  under.asked('b').fail();
  await settle();
  expect(first.said).toBe(false);

  const second = watched(under.guard.beforeVote('b'));
  under.asked('b').answer();
  await settle();

  expect(second.said).toBe(true);
  expect(under.guard.beforeVote('b')).toBeUndefined();
});

test('once a majority has answered, only the candidate is waited for', async () => {
  const under = new GuardUnderTest();
  under.guard.askAll();
  under.asked('b').answer();
  under.asked('c').answer();
  await settle();

  expect(under.guard.beforeVote('b')).toBeUndefined();
  const vote = watched(under.guard.beforeVote('d'));
  under.asked('d').answer();
  await settle();

  expect(vote.said).toBe(true);
});

test('two votes that wait for one answer put one question', async () => {
  const under = new GuardUnderTest(['a', 'b']);
  const votes = [watched(under.guard.beforeVote('b')), watched(under.guard.beforeVote('b'))];

  under.asked('b').answer();
  await settle();

  expect(votes).toEqual([{ said: true }, { said: true }]);
  expect(under.questions).toEqual([]);
});

test('a vote does not count if anybody who was asked remembers more than this disk', async () => {
  const under = new GuardUnderTest();
  const vote = watched(under.guard.beforeVote('b'));

  under.asked('b').answer();
  under.asked('c').answer(2);
  for (const id of ['d', 'e']) under.asked(id).fail();
  await settle();

  expect(vote.said).toBe(false);
  expect(under.reasons).toEqual([
    expect.stringContaining('Node a runs on an old copy of its disk'),
  ]);
});

test('a candidate that is not in the membership here is not asked', async () => {
  const fresh = new GuardUnderTest([]);
  expect(fresh.guard.beforeVote('z')).toBeUndefined();

  const lagging = new GuardUnderTest(['a', 'b']);
  const vote = watched(lagging.guard.beforeVote('z'));
  lagging.asked('b').fail();
  await settle();

  expect(vote.said).toBe(true);
});
