import { describe, expect, test } from 'vitest';
import { noMembership } from '../../src/core/membership.ts';
import type { CoreState } from '../../src/core/state.ts';
import type { Identity } from '../../src/core/types.ts';
import { RememberedNodes } from '../../src/node/remembered.ts';

const membership = {
  ...noMembership,
  cluster: 'c',
  voters: [['a', 'b']],
  nodes: { a: {}, b: { incarnation: 'disk-b' } },
};

function stateWith(parts: object): Readonly<CoreState> {
  return { membership, committed: 0, leadership: undefined, ...parts } as unknown as CoreState;
}

const plain = stateWith({});

/** A leadership in which `b` has acknowledged up to `matchIndex`. */
function office(matchIndex: number): { progress: Map<string, { matchIndex: number }> } {
  return { progress: new Map([['b', { matchIndex }]]) };
}

function process(starts: number, run: string, incarnation = 'disk-b'): Identity {
  return { cluster: 'c', node: 'b', incarnation, starts, run };
}

describe('what a node remembers of another', () => {
  test('is nothing of one that is no member', () => {
    const remembered = new RememberedNodes();

    expect(remembered.meet({ ...process(1, 'x'), node: 'z' }, plain)).toBeUndefined();
  });

  test('is the count of starts that other processes of its disk have named', () => {
    const remembered = new RememberedNodes();
    const startsOf = (identity: Identity): number | undefined =>
      remembered.meet(identity, plain)?.starts;

    expect(startsOf(process(4, 'x'))).toBe(0);
    expect(startsOf(process(4, 'x'))).toBe(0);
    expect(startsOf(process(5, 'y'))).toBe(4);
    expect(startsOf(process(5, 'y'))).toBe(4);
  });

  test('does not become what an old copy says, so that the right one is not taken for one', () => {
    const remembered = new RememberedNodes();
    const right = process(5, 'right');
    remembered.meet(right, plain);

    expect(remembered.meet(process(5, 'copy'), plain)?.starts).toBe(5);
    expect(remembered.meet(process(3, 'older'), plain)?.starts).toBe(5);
    expect(remembered.meet(right, plain)?.starts).toBe(0);
  });

  test('is the disk in the membership, whoever asks by that name', () => {
    const remembered = new RememberedNodes();

    expect(remembered.meet(process(1, 'x', 'wiped'), plain)?.incarnation).toBe('disk-b');
    expect(remembered.meet(process(1, 'x', 'wiped'), plain)?.incarnation).toBe('disk-b');
  });

  test('is the first disk that was seen, if the membership does not say', () => {
    const remembered = new RememberedNodes();
    const state = stateWith({ membership: { ...membership, nodes: { a: {}, b: {} } } });
    remembered.meet(process(1, 'x', 'first'), state);

    expect(remembered.meet(process(1, 'y', 'second'), state)?.incarnation).toBe('first');
  });

  test('is what it has acknowledged, as far as that was committed in that leadership', () => {
    const remembered = new RememberedNodes();
    const leadership = office(9);
    remembered.follow(stateWith({ leadership, committed: 4 }));
    expect(remembered.meet(process(1, 'x'), plain)?.acknowledged).toBe(4);
    remembered.follow(stateWith({ leadership, committed: 6 }));

    // A later leader has committed other entries up to there.
    remembered.follow(stateWith({ committed: 9 }));

    expect(remembered.meet(process(1, 'x'), plain)?.acknowledged).toBe(6);
  });

  test('is kept over leaderships, the highest of all', () => {
    const remembered = new RememberedNodes();
    remembered.follow(stateWith({ leadership: office(9), committed: 9 }));
    remembered.follow(stateWith({ committed: 9 }));
    remembered.follow(stateWith({ leadership: office(0), committed: 9 }));
    expect(remembered.meet(process(1, 'x'), plain)?.acknowledged).toBe(9);

    remembered.follow(stateWith({ leadership: office(12), committed: 12 }));

    expect(remembered.meet(process(1, 'x'), plain)?.acknowledged).toBe(12);
  });

  test('is forgotten with its membership', () => {
    const remembered = new RememberedNodes();
    remembered.follow(stateWith({ leadership: office(9), committed: 9 }));
    const without = { ...membership, nodes: { a: {} } };
    remembered.follow(stateWith({ membership: without }));

    const state = stateWith({ membership: { ...membership, nodes: { a: {}, b: {} } } });

    expect(remembered.meet(process(1, 'x'), state)).toBeUndefined();
  });
});
