import { expect, test } from 'vitest';
import { choicesOf } from '../scenarios/answers.ts';
import type { RunScenario } from '../scenarios/scenario-file.ts';
import { SeededChoices } from './choices.ts';
import { FixedWorkload } from './fixed-workload.ts';
import { knobsOf, valuesOf } from './knob-values.ts';
import { drawKnobs } from './knobs.ts';
import type { Company } from './run.ts';
import { runScenario, scenarioOfRun } from './run-scenario.ts';

const company: Company = { workload: () => new FixedWorkload(1), oracles: () => [] };

const about = { name: 'example', shows: 'This.', code: 'S1', seed: 'f00' };

function scenarioWith(parts: Partial<RunScenario>): RunScenario {
  return { ...about, version: 1, tier: 1, knobs: {}, answers: {}, ...parts };
}

test('knobs that nothing was drawn for are not in a scenario', () => {
  const knobs = drawKnobs({ choose: () => 0 });

  expect(valuesOf(knobs)).toEqual({});
  expect(knobsOf({})).toEqual(knobs);
});

test('all knobs of a run can be had again from their values', () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const knobs = drawKnobs(new SeededChoices(`knobs ${seed}`));

    const written = JSON.parse(JSON.stringify(valuesOf(knobs))) as Record<string, unknown>;

    expect(knobsOf(written)).toEqual(knobs);
  }
});

test('a scenario has the choices that were not benign, and knobs by their value alone', () => {
  const knobs = { ...drawKnobs({ choose: () => 0 }), nodeCount: 5 };
  const choices = [
    { label: 'knobs.nodeCount', count: 12, value: 3 },
    { label: 'knobs.buggify.log.readOne', count: 4, value: 3 },
    { label: 'net.loss', count: 1000, value: 0 },
    { label: 'net.loss', count: 1000, value: 999 },
  ];

  const scenario = scenarioOfRun({ knobs, choices }, { ...about, plantedBug: undefined });

  expect(scenario).toEqual(
    scenarioWith({
      knobs: { nodeCount: 5 },
      answers: { 'knobs.buggify.log.readOne': ['1: 3'], 'net.loss': ['2: 999'] },
    }),
  );
  expect(choicesOf(scenario.answers).filter(({ value }) => value > 0)).toHaveLength(2);
});

test.each([
  [{ knobs: { nodes: 3 } }, /The scenario example: There is no knob "nodes". The knobs there are/],
  [{ knobs: { net: { wet: 1 } } }, /There is no knob "net.wet"/],
  [{ knobs: { nodeCount: '3' } }, /The knob "nodeCount" must be a number, not "3"/],
  [{ knobs: { net: 3 } }, /The knob "net" must be a group of knobs, not 3/],
  [{ knobs: { faults: { 'net.loss': 1 } } }, /"faults.net.loss" must be a boolean, not 1/],
  [{ answers: { 'net.loss': ['1 = 2'] } }, /"net.loss" has "1 = 2" where "place: value" must be/],
])('a scenario that cannot be run is refused: %j', (parts, complaint) => {
  expect(() => runScenario(scenarioWith(parts), { company })).toThrow(complaint);
});
