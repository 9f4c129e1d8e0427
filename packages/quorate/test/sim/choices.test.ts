import { expect, test } from 'vitest';
import { between, type Choices, happens, pick, ReplayedChoices, SeededChoices } from './choices.ts';

function draw(choices: Choices, label: string, times: number): number[] {
  return Array.from({ length: times }, () => choices.choose(label, 1000));
}

test('a seed gives the same answers each time, and another seed gives others', () => {
  const first = draw(new SeededChoices('one'), 'net.loss', 20);
  const again = draw(new SeededChoices('one'), 'net.loss', 20);
  const other = draw(new SeededChoices('two'), 'net.loss', 20);

  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
});

test('how often one label is asked changes no answer of another', () => {
  const choices = new SeededChoices('one');
  const busy = new SeededChoices('one');
  draw(busy, 'net.delay', 1000);

  const loss = draw(choices, 'net.loss', 20);
  expect(draw(busy, 'net.loss', 20)).toEqual(loss);
  expect(draw(choices, 'net.tail', 20)).not.toEqual(loss);
});

test('every answer is among those that are possible, and each of them comes', () => {
  const choices = new SeededChoices('one');
  const seen = new Set<number>();

  for (let time = 0; time < 200; time += 1) seen.add(choices.choose('net.way', 5));

  expect([...seen].sort((one, other) => one - other)).toEqual([0, 1, 2, 3, 4]);
});

test('recorded choices come again in the order of their labels', () => {
  const recorded = new SeededChoices('one', { record: true });
  const loss = draw(recorded, 'net.loss', 5);
  const disk = draw(recorded, 'disk.delay', 5);

  const replayed = new ReplayedChoices(recorded.made);

  expect(draw(replayed, 'disk.delay', 5)).toEqual(disk);
  expect(draw(replayed, 'net.loss', 5)).toEqual(loss);
});

test('beyond the end of a replay, and where it is not possible, the answer is 0', () => {
  const replayed = new ReplayedChoices([{ label: 'net.way', count: 9, value: 8 }]);

  expect(replayed.choose('net.way', 3)).toBe(0);
  expect(replayed.choose('net.way', 9)).toBe(0);
  expect(replayed.choose('disk.way', 9)).toBe(0);
  expect(replayed.made.map(({ value }) => value)).toEqual([0, 0, 0]);
});

test('the benign answer is that nothing happens, the first item and the first bound', () => {
  const benign: Choices = { choose: () => 0 };

  expect(happens(benign, 'net.loss', 999)).toBe(false);
  expect(pick(benign, 'net.way', ['well', 'ill'])).toBe('well');
  expect(between(benign, 'clock.rate', 1, 2)).toBe(1);
});

test('what happens so many times in a thousand does so about as often', () => {
  const choices = new SeededChoices('one');
  let count = 0;

  for (let time = 0; time < 20_000; time += 1) if (happens(choices, 'net.loss', 100)) count += 1;

  expect(count).toBeGreaterThan(1800);
  expect(count).toBeLessThan(2200);
});
