import { expect, test } from 'vitest';
import type { SimMember } from './member.ts';
import { QuorumWatch } from './quorum-watch.ts';
import type { KvWorld } from './world.ts';

interface Seen {
  readonly durable: number;
  readonly leads?: boolean;
  readonly committed?: number;
  readonly term?: number;
  readonly isStarting?: boolean;
}

const voters = ['a', 'b', 'c'];

/** A cluster of these, of whom `a`, `b` and `c` vote. */
function watchOf(all: Readonly<Record<string, Seen>>): {
  readonly watch: QuorumWatch;
  readonly look: (name: string) => void;
} {
  const members = new Map(Object.entries(all).map(([name, seen]) => [name, memberOf(name, seen)]));
  const watch = new QuorumWatch({ members } as unknown as KvWorld);
  return { watch, look: (name) => watch.look(members.get(name) as SimMember) };
}

function memberOf(name: string, seen: Seen): SimMember {
  const { durable, leads = false, committed = 0, term = 2, isStarting = false } = seen;
  const metrics = {
    term,
    durable: { term, index: durable },
    committed: { term, index: committed },
    membership: { voters: [voters], logId: { term: 0, index: 1 } },
  };
  const member = isStarting ? undefined : { raft: { metrics } };
  return { name, leads, isAlive: true, member } as unknown as SimMember;
}

test('what a majority of the voters has on the disk may be called committed', () => {
  const { look } = watchOf({
    a: { durable: 9, leads: true, committed: 9 },
    b: { durable: 9 },
    c: { durable: 3 },
  });

  expect(() => look('a')).not.toThrow();
});

test('a learner is not counted', () => {
  const { look } = watchOf({
    a: { durable: 9, leads: true, committed: 9 },
    b: { durable: 8 },
    c: { durable: 3 },
    d: { durable: 9 },
  });

  expect(() => look('a')).toThrow('of the voters a, b, c only a has it on the disk');
});

test('a disk that was lost is not counted, whatever is on it by now, and never leads', () => {
  const { watch, look } = watchOf({
    a: { durable: 9, leads: true, committed: 9 },
    b: { durable: 9, leads: true, committed: 9, term: 3 },
    c: { durable: 3 },
  });

  watch.wiped('b');

  expect(() => look('a')).toThrow('only a has it on the disk');
  expect(() => look('b')).toThrow('b leads in term 3, and its disk was lost.');
});

test('what a disk had before it was lost counts, since its answer may be on its way', () => {
  const all = {
    a: { durable: 9, leads: true, committed: 9 },
    b: { durable: 1 },
    c: { durable: 3 },
  };
  const { watch, look } = watchOf(all);

  watch.note(memberOf('b', { durable: 9 }));
  watch.wiped('b');

  expect(() => look('a')).not.toThrow();
});

test('of one that is starting it is not known what it has', () => {
  const { look } = watchOf({
    a: { durable: 9, leads: true, committed: 9 },
    b: { durable: 0, isStarting: true },
    c: { durable: 3 },
  });

  expect(() => look('a')).not.toThrow();
});

test('what a disk had when its process ended is still there', () => {
  const all = {
    a: { durable: 9, leads: true, committed: 9 },
    b: { durable: 1 },
    c: { durable: 3 },
  };
  const { watch, look } = watchOf(all);

  watch.note(memberOf('b', { durable: 9 }));

  expect(() => look('a')).not.toThrow();
});

test('two leaders of one term are found', () => {
  const { look } = watchOf({
    a: { durable: 9, leads: true },
    b: { durable: 9, leads: true },
    c: { durable: 9, leads: true, term: 3 },
  });

  look('a');
  look('a');
  look('c');

  expect(() => look('b')).toThrow('Both a and b lead in term 2.');
});
