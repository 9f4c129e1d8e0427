import type { Choice } from '../sim/choices.ts';
import type { RunScenario } from './scenario-file.ts';

type Answers = RunScenario['answers'];

/** Choices as a scenario file holds them: by label, those that are not the benign answer. */
export function answersOf(choices: readonly Choice[]): Answers {
  const counts = new Map<string, number>();
  const answers: Record<string, string[]> = {};
  for (const { label, value } of choices) {
    const place = (counts.get(label) ?? 0) + 1;
    counts.set(label, place);
    if (value !== 0) (answers[label] ??= []).push(`${place}: ${value}`);
  }
  return answers;
}

/**
 * The choices that a file holds, to be replayed label by label.
 *
 * @throws RangeError if an answer is no place and value, or out of order.
 */
export function choicesOf(answers: Answers): readonly Choice[] {
  const choices: Choice[] = [];
  for (const [label, list] of Object.entries(answers)) {
    let asked = 0;
    for (const text of list) {
      const [, place, value] = /^([1-9]\d*): (\d+)$/.exec(text)?.map(Number) ?? [];
      if (place === undefined || value === undefined || place <= asked) {
        throw new RangeError(
          `"${label}" has "${text}" where "place: value" must be, with a place above ${asked}.`,
        );
      }
      for (asked += 1; asked < place; asked += 1) choices.push({ label, count: 1, value: 0 });
      choices.push({ label, count: value + 1, value });
    }
  }
  return choices;
}
