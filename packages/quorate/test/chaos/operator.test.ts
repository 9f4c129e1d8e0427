import { expect, test } from 'vitest';
import { nextOrder } from './operator.ts';

function membership(
  voters: readonly (readonly string[])[],
  learners: readonly string[] = [],
): Parameters<typeof nextOrder>[0] {
  const names = [...new Set([...voters.flat(), ...learners])];
  const nodes = Object.fromEntries(names.map((name) => [name, {}]));
  return { membership: { voters, nodes, logId: { term: 1, index: 1 } } };
}

const wholeWish = { voters: ['a', 'b', 'c'], learners: [] };

test('what is wanted already needs nothing', () => {
  expect(nextOrder(membership([['c', 'b', 'a']]), wholeWish)).toBeUndefined();
});

test('a voter becomes a learner, and a voter again', () => {
  const wish = { voters: ['a', 'b'], learners: ['c'] };
  const demoted = membership([['a', 'b']], ['c']);

  const demoting = nextOrder(membership([['a', 'b', 'c']]), wish);
  const promoting = nextOrder(demoted, wholeWish);

  expect(demoting).toEqual({ type: 'changeVoters', voters: ['a', 'b'], keepRemoved: true });
  expect(nextOrder(demoted, wish)).toBeUndefined();
  expect(promoting).toEqual({
    type: 'changeVoters',
    voters: ['a', 'b', 'c'],
    keepRemoved: false,
  });
});

test('a new node comes after the one whose slot it takes has left, first as a learner', () => {
  const wish = { voters: ['a', 'b', 'c2'], learners: [] };

  const steps = [
    nextOrder(membership([['a', 'b', 'c']]), wish),
    nextOrder(membership([['a', 'b']], ['c']), wish),
    nextOrder(membership([['a', 'b']]), wish),
    nextOrder(membership([['a', 'b']], ['c2']), wish),
    nextOrder(membership([['a', 'b', 'c2']]), wish),
  ];

  expect(steps).toEqual([
    { type: 'changeVoters', voters: ['a', 'b'], keepRemoved: false },
    { type: 'removeLearner', node: 'c' },
    { type: 'addLearner', node: 'c2' },
    { type: 'changeVoters', voters: ['a', 'b', 'c2'], keepRemoved: false },
    undefined,
  ]);
});

test('a change that is under way is asked for again until it is over', () => {
  const joint = membership([
    ['a', 'b', 'c'],
    ['a', 'b'],
  ]);

  const order = nextOrder(joint, { voters: ['a', 'b'], learners: [] });

  expect(order).toEqual({ type: 'changeVoters', voters: ['a', 'b'], keepRemoved: false });
});
