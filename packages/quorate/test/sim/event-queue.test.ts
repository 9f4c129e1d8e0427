import { expect, test } from 'vitest';
import { SeededChoices } from './choices.ts';
import { EventQueue } from './event-queue.ts';

function takeAll(queue: EventQueue, end = Infinity): void {
  for (let run = queue.take(end); run !== undefined; run = queue.take(end)) run();
}

test('events come in the order of their times, and of one time in that of their asking', () => {
  const choices = new SeededChoices('queue');
  const queue = new EventQueue();
  const wanted: { at: number; sequence: number }[] = [];
  const came: { at: number; sequence: number }[] = [];
  for (let sequence = 0; sequence < 2000; sequence += 1) {
    const one = { at: choices.choose('queue.at', 50), sequence };
    const timer = queue.at(one.at, () => came.push(one));
    if (choices.choose('queue.cancel', 4) === 0) timer.cancel();
    else wanted.push(one);
  }

  takeAll(queue);

  const isLater = (one: (typeof came)[0], other: (typeof came)[0]): number =>
    one.at - other.at || one.sequence - other.sequence;
  expect(came).toEqual([...wanted].sort(isLater));
});

test('time stands still before an event that comes too late to be taken', () => {
  const queue = new EventQueue();
  queue.after(10, () => {});
  queue.after(30, () => {});

  takeAll(queue, 20);

  expect(queue.now).toBe(10);
  expect(queue.size).toBe(1);
});

test('what an event asks for at its own time comes in the same time', () => {
  const queue = new EventQueue();
  const came: string[] = [];
  queue.after(5, () => {
    came.push('first');
    queue.after(0, () => came.push('asked for'));
  });
  queue.after(5, () => came.push('second'));

  takeAll(queue);

  expect(came).toEqual(['first', 'second', 'asked for']);
  expect(queue.now).toBe(5);
});

test('nothing can be asked for in the past', () => {
  const queue = new EventQueue();
  queue.after(10, () => {});
  takeAll(queue);

  expect(() => queue.at(9, () => {})).toThrow('There is no way back from 10 to 9.');
});
