import { expect, test } from 'vitest';
import { ReplayedChoices, SeededChoices } from '../sim/choices.ts';
import { answersOf, choicesOf } from './answers.ts';

test('the choices of a file give each question of a label the answer that it had', () => {
  const labels = Array.from({ length: 300 }, (_, at) => ['net.loss', 'disk.stall'][at % 2] ?? '');
  const seeded = new SeededChoices('answers', { record: true });
  const given = labels.map((label) => seeded.choose(label, 3));

  const replayed = new ReplayedChoices(choicesOf(answersOf(seeded.made)));

  expect(labels.map((label) => replayed.choose(label, 3))).toEqual(given);
});

test('only what is not the benign answer is written down', () => {
  const choices = [0, 7, 0, 0, 2, 0].map((value) => ({ label: 'net.to', count: 9, value }));

  expect(answersOf(choices)).toEqual({ 'net.to': ['2: 7', '5: 2'] });
});

test.each(['7', '0: 1', '2: x', '1: 5'])('an answer that is none is refused: %s', (text) => {
  expect(() => choicesOf({ 'net.to': ['1: 4', text] })).toThrow(/"place: value" must be/);
});
