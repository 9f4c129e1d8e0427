import { expect, test } from 'vitest';
import { type Choices, ReplayedChoices } from './choices.ts';
import { drawKnobs } from './knobs.ts';
import { demandSite, Sites } from './sites.ts';
import { World } from './world.ts';

function benignWorld(): World {
  const choices: Choices = new ReplayedChoices([]);
  return new World({ choices, knobs: drawKnobs(choices), keepTrace: false });
}

test('a site that a plot demands does what it may once, after those it is to skip', () => {
  const world = benignWorld();
  const sites = new Sites(world);

  demandSite(world, 'log.dropTail', 1);
  const asked = [1, 2, 3].map(() => sites.buggify('log.dropTail'));

  expect(asked).toEqual([false, true, false]);
  expect(sites.buggify('log.readOne')).toBe(false);
});

test('nothing that was demanded happens in the calm phase', () => {
  const world = benignWorld();
  const sites = new Sites(world);

  demandSite(world, 'log.dropTail');
  world.phase = { name: 'calm', core: [] };

  expect(sites.buggify('log.dropTail')).toBe(false);
});
