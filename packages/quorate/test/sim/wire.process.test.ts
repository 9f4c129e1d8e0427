import { expect, test } from 'vitest';
import { SeededChoices } from './choices.ts';
import { simCompany } from './clients/company.ts';
import type { Happening, Oracle, SimMessage, SimWorld } from './hooks.ts';
import { drawKnobs, type Knobs } from './knobs.ts';
import { type RunResult, runSeed } from './run.ts';

// These run worlds in this very process, with the real world shut off while they last.

const timeoutMs = 180_000;

/** The knobs of a run whose calls go over connections. */
function wired(knobs: Knobs): Knobs {
  return { ...knobs, net: { ...knobs.net, wire: 'tcp' } };
}

/** And much is lost in it. */
function lossy({ net, faults, ...knobs }: Knobs): Knobs {
  return {
    ...knobs,
    net: { ...net, lossPerMille: 150 },
    faults: { ...faults, 'net.loss': true, 'net.reset': true },
  };
}

function run(
  seed: string,
  change: (knobs: Knobs) => Knobs,
  watch: (happening: Happening) => void = () => {},
): Promise<RunResult> {
  const choices = new SeededChoices(seed);
  const company = {
    ...simCompany,
    oracles: (world: SimWorld): readonly Oracle[] => [
      ...simCompany.oracles(world),
      { after: watch, atEnd: () => undefined },
    ],
  };
  return runSeed(seed, { company, choices, knobs: change(wired(drawKnobs(choices))) });
}

test(
  'clusters over the frames and connections of TCP survive every fault, and repeat themselves',
  async () => {
    const faults = new Map<string, number>();
    let delivered = 0;
    for (let at = 0; at < 12; at += 1) {
      const seed = `wire ${at}`;
      const known = new Set<SimMessage>();
      const change = at % 2 === 0 ? lossy : (knobs: Knobs): Knobs => knobs;
      const result = await run(seed, change, (happening) => {
        if (happening.type === 'sent') known.add(happening.message);
        if (happening.type !== 'delivered') return;
        delivered += 1;
        expect([happening.copy, known.delete(happening.message)]).toEqual([false, true]);
      });

      expect(result.failure?.error, `seed ${seed}`).toBeUndefined();
      for (const [kind, count] of result.faults) faults.set(kind, (faults.get(kind) ?? 0) + count);
      if (at % 6 !== 0) continue;
      const again = await run(seed, change);
      expect([again.hash, again.eventCount]).toEqual([result.hash, result.eventCount]);
    }

    const wanted = [
      'net.reset',
      'net.halfOpen',
      'net.wire flip',
      'net.wire reset',
      'net.wire dial',
    ];
    expect(wanted.filter((kind) => !faults.has(kind))).toEqual([]);
    expect(delivered).toBeGreaterThan(1000);
  },
  timeoutMs,
);

test(
  'over connections too, nothing goes wrong when every answer is the benign one',
  async () => {
    const choices = { choose: () => 0 };
    const knobs = wired(drawKnobs(choices));

    const { failure, faults } = await runSeed('benign', { company: simCompany, choices, knobs });

    expect(failure).toBeUndefined();
    expect([...faults.keys()]).toEqual([]);
  },
  timeoutMs,
);
