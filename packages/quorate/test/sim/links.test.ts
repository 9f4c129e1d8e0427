import { expect, test } from 'vitest';
import { SeededChoices } from './choices.ts';
import { EventQueue } from './event-queue.ts';
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
