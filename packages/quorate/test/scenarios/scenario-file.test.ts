import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import {
  formatScenario,
  listScenarios,
  parseScenario,
  type RunScenario,
  type WalkScenario,
} from './scenario-file.ts';

const scenario: WalkScenario = {
  name: 'an-example',
  shows: 'What went wrong.',
  version: 1,
  tier: 0,
  code: 'S1',
  setup: { preVote: true },
  steps: ['initialize', 'wake n1'],
  end: { skipped: [2], nodes: ['n1 leader'] },
};

const { setup, steps, end, ...about } = scenario;
const run: RunScenario = {
  ...about,
  tier: 1,
  seed: 'f00',
  knobs: {},
  answers: { 'net.loss': ['3: 250'] },
};

test('a scenario of whole nodes is read as it was written', () => {
  expect(parseScenario(formatScenario(run), 'example.json')).toEqual(run);
});

test('a scenario is read as it was written', () => {
  expect(parseScenario(formatScenario(scenario), 'example.json')).toEqual(scenario);
});

test('a scenario without an end is one that is still to be fixed', () => {
  const open = { ...about, setup, steps };

  expect(end).toBeDefined();
  expect(parseScenario(formatScenario(open), 'example.json')).toEqual(open);
});

test.each([
  ['{', /example\.json must be JSON/],
  ['[]', /must hold an object/],
  [JSON.stringify({ ...scenario, version: 2 }), /"version" must be 1, not 2/],
  [JSON.stringify({ ...scenario, code: 7 }), /"code" must be a text/],
  [JSON.stringify({ ...scenario, tier: 3 }), /"tier" must be 0 or 1, not 3/],
  [JSON.stringify({ ...scenario, plantedBug: 1 }), /"plantedBug" must be the name/],
  [JSON.stringify({ ...scenario, setup: [] }), /"setup" must hold an object/],
  [JSON.stringify({ ...scenario, steps: ['wake n1', 1] }), /"steps" must be a list of texts/],
  [JSON.stringify({ ...scenario, end: {} }), /"end" must hold the lists/],
  [JSON.stringify({ ...run, seed: 7 }), /"seed" must be a text/],
  [JSON.stringify({ ...run, knobs: [] }), /"knobs" must hold an object/],
  [JSON.stringify({ ...run, answers: { 'net.loss': 1 } }), /"answers" must hold a list of texts/],
])('what is no scenario is refused: %s', (text, complaint) => {
  expect(() => parseScenario(text, 'example.json')).toThrow(complaint);
});

test('every file has the name and the layout that it would be written with', async () => {
  for (const file of await listScenarios()) {
    const text = await readFile(file, 'utf8');
    const { name } = parseScenario(text, file);

    expect(path.basename(file)).toBe(`${name}.json`);
    expect(text).toBe(formatScenario(parseScenario(text, file)));
  }
});
