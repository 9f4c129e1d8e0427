import { expect, test } from 'vitest';
import { loadCore } from '../walker/core-copy.ts';
import { complaintAbout, replay } from '../walker/scenario.ts';
import { listScenarios, readScenario } from './scenario-file.ts';

// Each file once went wrong, with a bug that was fixed or planted. Today it has to end as it says.

const core = await loadCore();
const files = await listScenarios();
const all = await Promise.all(files.map(readScenario));
const scenarios = all.filter((scenario) => scenario.tier === 0);

test('there are scenarios of many kinds', () => {
  const codes = new Set(scenarios.map(({ code }) => code));

  expect(scenarios.length).toBeGreaterThanOrEqual(8);
  expect(codes.size).toBeGreaterThanOrEqual(8);
});

test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
  '%s ends as it should',
  (_, scenario) => {
    expect(complaintAbout(scenario, replay(core, scenario))).toBeUndefined();
    expect(scenario.steps.length).toBeLessThan(40);
  },
);
