import { expect, test } from 'vitest';
import { SeededChoices } from './choices.ts';
import { EventQueue } from './event-queue.ts';
import { SimProcess } from './process.ts';

function setUp(rate = 1): { queue: EventQueue; process: SimProcess; run: (until: number) => void } {
  const queue = new EventQueue();
  const choices = new SeededChoices('process');
  const process = new SimProcess({ node: 'a', life: 1, queue, choices, rate });
  const run = (until: number): void => {
    queue.at(until, () => {});
    for (let next = queue.take(until); next !== undefined; next = queue.take(until)) next();
  };
  return { queue, process, run };
}

test('a fast clock rings early and a slow one late, each exact on its own', () => {
  for (const rate of [0.5, 1, 2]) {
    const { queue, process, run } = setUp(rate);
    const startedAt = process.now();
    const rang: number[][] = [];
    process.setTimer(() => rang.push([queue.now, process.now() - startedAt]), 100);

    run(1000);

    expect(rang).toEqual([[100 / rate, 100]]);
  }
});

test('a clock that changes its pace does not jump', () => {
  const { process, run } = setUp(1);
  run(100);
  const before = process.now();

  process.setRate(2);

  expect(process.now()).toBe(before);
  run(110);
  expect(process.now()).toBe(before + 20);
});

test('what comes to a paused process waits, in its order, and its clock goes on', () => {
  const { queue, process, run } = setUp();
  const startedAt = process.now();
  const came: string[] = [];
  process.setTimer(() => came.push(`timer at ${queue.now}`), 10);
  process.pause();
  queue.after(5, () => process.enter(() => came.push('message')));

  run(50);
  expect(came).toEqual([]);
  process.resume();
  run(60);

  expect(came).toEqual(['message', 'timer at 50']);
  expect(process.now() - startedAt).toBe(60);
});

test('a timer that is cancelled while its process is paused never rings', () => {
  const { process, run } = setUp();
  const came: string[] = [];
  const timer = process.setTimer(() => came.push('timer'), 10);
  process.pause();
  run(50);

  timer.cancel();
  process.resume();
  run(60);

  expect(came).toEqual([]);
});

test('a slow process takes one event after the other', () => {
  const { queue, process, run } = setUp();
  const came: number[] = [];
  process.slowMs = 7;

  for (let count = 0; count < 3; count += 1) process.enter(() => came.push(queue.now));
  run(100);

  expect(came).toEqual([0, 7, 14]);
});

test('nothing gets into a dead process, and those who waited for it are told', () => {
  const { process, run } = setUp();
  const came: string[] = [];
  process.setTimer(() => came.push('timer'), 10);
  process.onDeath(() => came.push('death'));
  const forget = process.onDeath(() => came.push('forgotten'));
  forget();

  process.kill();
  process.kill();
  process.enter(() => came.push('message'));
  run(50);

  expect(came).toEqual(['death']);
});

test('a timer of a clock that slows down rings when its own time has passed', () => {
  const { queue, process, run } = setUp(1);
  const startedAt = process.now();
  const rang: number[][] = [];
  process.setTimer(() => rang.push([queue.now, process.now() - startedAt]), 100);
  run(50);

  process.setRate(0.5);
  run(500);

  expect(rang).toEqual([[150, 100]]);
});

test('a suspended machine loses the time in which it stood still, and its timers with it', () => {
  const { queue, process, run } = setUp(1);
  const startedAt = process.now();
  const rang: number[][] = [];
  process.setTimer(() => rang.push([queue.now, process.now() - startedAt]), 100);
  run(40);

  process.pause({ isFrozen: true });
  run(1040);
  expect(process.now() - startedAt).toBe(40);
  process.resume();
  run(2000);

  expect(rang).toEqual([[1100, 100]]);
  expect(process.now() - startedAt).toBe(1000);
});
