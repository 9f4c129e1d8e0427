import { expect, test } from 'vitest';
import { type Choices, SeededChoices } from '../choices.ts';
import { simCompany } from '../clients/company.ts';
import type { SimWorld } from '../hooks.ts';
import { runSeed } from '../run.ts';

/** Clocks of half and of twice the speed, leaders that are cut off, clients that read by lease. */
const drawnSo: Readonly<Record<string, number>> = {
  'knobs.fault.net.isolate': 1,
  'knobs.fault.net.partition': 1,
  'knobs.fault.clock.rate': 1,
  'knobs.leases': 1,
  'knobs.clockSlowest': 255,
  'knobs.clockFastest': 255,
  'knobs.nemesisMs': 2,
  'workload.clients': 4,
  'workload.reads': 2,
  'workload.lease': 1,
  'workload.thinkMs': 2,
  'workload.patienceMs': 1,
};

function choicesOf(seed: string): Choices {
  const drawn = new SeededChoices(seed);
  let clocks = 0;
  return {
    choose: (label, count) => {
      // The first node, which is the first to lead, has the slowest clock, the others the fastest.
      if (label === 'clock.rate') {
        clocks += 1;
        return clocks === 1 ? 0 : count - 1;
      }
      const fixed = drawnSo[label];
      if (fixed !== undefined) return Math.min(fixed, count - 1);
      return label.startsWith('knobs.') ? 0 : drawn.choose(label, count);
    },
  };
}

/** The code that a run fails with, or 'none'; nodes believe what they are told of clocks. */
async function codeOf(seed: string, told: { maxClockDrift?: number }): Promise<unknown> {
  const company = {
    ...simCompany,
    workload: (world: SimWorld) => {
      Object.assign(world.knobs.config, told);
      return simCompany.workload(world);
    },
  };
  const { failure } = await runSeed(seed, { company, choices: choicesOf(seed) });
  const error = failure?.error;
  return error instanceof Error && 'code' in error ? error.code : (error ?? 'none');
}

/** So many runs, and one of them meets a leader that is replaced while it holds its lease. */
const maxSeeds = 40;

test('a lease is safe while clocks keep to what is promised, and a lie of it is seen (S21)', async () => {
  let seed = 1;
  let found = await codeOf(`${seed}`, { maxClockDrift: 0.01 });
  while (found === 'none' && seed < maxSeeds) {
    seed += 1;
    found = await codeOf(`${seed}`, { maxClockDrift: 0.01 });
  }

  expect(found).toBe('S21');
  expect(await codeOf(`${seed}`, {})).toBe('none');
});
