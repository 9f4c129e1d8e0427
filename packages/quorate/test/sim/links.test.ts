import { expect, test } from 'vitest';
import { SeededChoices } from './choices.ts';
import { EventQueue } from './event-queue.ts';
import type { SimMessage } from './hooks.ts';
import { FreshLink, HalfOpenLink, NarrowLink } from './link-trouble.ts';
import { Links } from './links.ts';

interface Setting {
  readonly queue: EventQueue;
  readonly links: Links;
  readonly came: string[];
  readonly send: (name: string, from?: string, to?: string) => void;
  readonly run: () => void;
}

function setUp({ ordered = false } = {}): Setting {
  const queue = new EventQueue();
  const choices = new SeededChoices('links');
  const links = new Links({ queue, choices, delayMs: 10, ordered });
  const came: string[] = [];
  const send = (name: string, from = 'a', to = 'b'): void =>
    links.cross(from, to, {
      kind: 'appendEntries',
      arrive: () => came.push(name),
      lose: () => came.push(`${name} lost`),
      fail: () => came.push(`${name} told`),
    });
  const run = (): void => {
    for (let next = queue.take(Infinity); next !== undefined; next = queue.take(Infinity)) next();
  };
  return { queue, links, came, send, run };
}

const names = Array.from({ length: 50 }, (_, at) => `${at}`);

test('messages overtake one another, unless the network keeps their order', () => {
  for (const ordered of [false, true]) {
    const { came, send, run } = setUp({ ordered });

    for (const name of names) send(name);
    run();

    expect([...came].sort()).toEqual([...names].sort());
    expect(came.join() === names.join()).toBe(ordered);
  }
});

test('a link that is cut loses what is sent and what is under way, in its direction alone', () => {
  const { links, came, send, run } = setUp();
  send('under way');
  links.of('a', 'b').isCut = true;
  send('sent');
  send('back', 'b', 'a');

  run();

  expect([...came].sort()).toEqual(['back', 'sent lost', 'under way lost']);
});

test('a connection that breaks takes all with it that is under way, and nothing later', () => {
  const { links, came, send, run } = setUp();
  send('one');
  send('two');

  expect(links.of('a', 'b').reset()).toBe(2);
  send('three');
  run();

  expect(came).toEqual(['one lost', 'two lost', 'three']);
});

test('a clogged link delivers all that was sent meanwhile when it is free again', () => {
  const { queue, links, came, send, run } = setUp();
  links.of('a', 'b').cloggedUntil = 5000;
  for (const name of names) send(name);

  run();

  expect(queue.now).toBe(5000);
  expect(came).toEqual(names);
});

test('of many messages about as many are lost as are to be', () => {
  const { links, came, send, run } = setUp();
  links.faults.lossPerMille = 300;

  for (let count = 0; count < 5000; count += 1) send(`${count}`);
  run();

  const lostCount = came.filter((name) => name.endsWith('lost')).length;
  expect(lostCount).toBeGreaterThan(1300);
  expect(lostCount).toBeLessThan(1700);
});

test('one kind of call can be slow while the others are not', () => {
  const { queue, links, came, send, run } = setUp();
  links.faults.slowKind = 'requestVote';
  links.faults.slowMs = 100_000;
  let arrivedAt = 0;
  links.cross('a', 'b', {
    kind: 'requestVote',
    arrive: () => {
      arrivedAt = queue.now;
    },
    lose: () => {},
  });
  send('append');

  run();

  expect(came).toEqual(['append']);
  expect(arrivedAt).toBeGreaterThan(700);
});

test('who waits for what was on a broken connection hears of it only if it is to', () => {
  for (const isTold of [false, true]) {
    const { links, came, send, run } = setUp();
    send('one');
    links.of('a', 'b').reset({ isTold });

    run();

    expect(came).toEqual(isTold ? ['one lost', 'one told'] : ['one lost']);
  }
});

test('a narrow link drops what does not fit, and takes its time for the rest', () => {
  const { queue, links, came, send, run } = setUp();
  let droppedCount = 0;
  const onDrop = (): number => (droppedCount += 1);
  links.of('a', 'b').trouble = new NarrowLink({ capacity: 4, slotMs: 500, onDrop });
  for (const name of names) send(name);
  send('back', 'b', 'a');

  run();

  expect(came.slice(0, 46)).toEqual(names.slice(4).map((name) => `${name} lost`));
  expect([...came.slice(46)].sort()).toEqual([...names.slice(0, 4), 'back'].sort());
  expect(droppedCount).toBe(46);
  expect(queue.now).toBeGreaterThanOrEqual(2000);
});

test('what goes into half a connection goes nowhere until the other half is missed', () => {
  const { links, came, send, run } = setUp();
  const link = links.of('a', 'b');
  link.trouble = new HalfOpenLink();
  send('request');
  links.cross('a', 'b', {
    kind: 'requestVote',
    arrive: () => came.push('answer'),
    lose: () => came.push('answer lost'),
    isAnswer: true,
  });
  run();
  expect(came).toEqual(['answer']);

  link.cure();
  send('later');
  run();

  expect(came).toEqual(['answer', 'request lost', 'request told', 'later']);
});

test('the first messages over a new connection are lost, and those after them are not', () => {
  const { links, came, send, run } = setUp({ ordered: true });
  let lostCount = 0;
  const onLost = (): number => (lostCount += 1);
  links.of('a', 'b').trouble = new FreshLink({ loses: 2, onLost });
  for (const name of ['one', 'two', 'three', 'four']) send(name);

  run();

  expect(came).toEqual(['one lost', 'two lost', 'three', 'four']);
  expect(lostCount).toBe(2);
});

test('of the calls over a link the last ones can come again, and a few from long before', () => {
  const { links } = setUp();
  const link = links.of('a', 'b');
  for (let number = 1; number <= 2000; number += 1) {
    link.remember({ number } as SimMessage, () => {});
  }

  const last = link.remembered.map(({ message }) => message.number);
  const kept = link.kept.map(({ message }) => message.number);

  expect(last).toEqual([1993, 1994, 1995, 1996, 1997, 1998, 1999, 2000]);
  expect(kept.length).toBeGreaterThanOrEqual(4);
  expect(kept.length).toBeLessThanOrEqual(8);
  expect(kept[0]).toBe(16);
});
