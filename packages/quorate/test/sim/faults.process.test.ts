import { expect, test } from 'vitest';
import { SeededChoices } from './choices.ts';
import { simCompany } from './clients/company.ts';
import type { Happening, Oracle } from './hooks.ts';
import { drawKnobs, type FaultKind, faultKinds, type Knobs } from './knobs.ts';
import { type Company, type RunResult, runSeed } from './run.ts';

// Worlds in which one kind of fault is on and nothing else: each must really happen.

const timeoutMs = 60_000;
const maxSeeds = 30;

/** What nothing but benign answers gives, with some faults on. */
function knobsWith(...kinds: readonly FaultKind[]): Knobs {
  const benign = drawKnobs({ choose: () => 0 });
  const isOfDisk = kinds.some((kind) => kind.startsWith('disk'));
  const faults = Object.fromEntries(faultKinds.map((kind) => [kind, kinds.includes(kind)]));
  return {
    ...benign,
    faults: faults as Knobs['faults'],
    chaosMs: kinds.length > 1 || kinds[0]?.startsWith('member') === true ? 4000 : 1500,
    nemesisMs: 250,
    clock: kinds.some((kind) => kind.startsWith('clock'))
      ? { slowest: 0.5, fastest: 2 }
      : benign.clock,
    config: {
      ...benign.config,
      maxClockDrift: 0.8,
      // Reads of the disk are many, and so are segments and snapshots that may be damaged.
      ...(isOfDisk ? { snapshotAfterEntries: 50, keepBytes: 0, tailCacheBytes: 1 } : {}),
    },
    disk: { ...benign.disk, segmentBytes: 4096 },
  };
}

/** Runs seeds until all of `counted` have happened. Returns how often each did. */
async function meet(
  kinds: readonly FaultKind[],
  counted: readonly string[],
  company: Company = simCompany,
): Promise<RunResult[]> {
  const results: RunResult[] = [];
  const missing = (): string[] =>
    counted.filter((name) =>
      results.every(({ faults, marks }) => !(faults.get(name) ?? marks.get(name))),
    );
  for (let at = 0; at < maxSeeds && missing().length > 0; at += 1) {
    const seed = `${kinds.join()} ${at}`;
    const choices = new SeededChoices(seed);
    const result = await runSeed(seed, { company, choices, knobs: knobsWith(...kinds) });
    expect(result.failure?.error, `seed ${seed}`).toBeUndefined();
    results.push(result);
  }
  expect(missing()).toEqual([]);
  return results;
}

const alone: readonly (readonly [FaultKind, ...string[]])[] = [
  ['net.swizzle'],
  ['net.bandwidth', 'net.bandwidth dropped'],
  ['net.halfOpen'],
  ['net.reconnect', 'net.reconnect lost'],
  ['net.replay', 'net.replay of long ago'],
  ['disk.misread', 'disk.misread reads', 'stopped by a failed disk'],
  ['disk.damage'],
  ['clock.change'],
  ['clock.frozen'],
  ['load.burst'],
  ['load.large'],
];

for (const [kind, ...more] of alone) {
  test(
    `${kind} happens when it alone is on, and the cluster is well again after it`,
    async () => {
      const results = await meet([kind], [kind, ...more]);

      const others = faultKinds.filter((other) => other !== kind);
      const found = results.flatMap(({ faults }) => others.filter((other) => faults.has(other)));
      expect(found).toEqual([]);
    },
    timeoutMs,
  );
}

test(
  'a damaged disk ends its node, and does not let it start again',
  async () => {
    const wanted = ['disk.damage', 'stopped by a failed disk'];
    const results = await meet(['disk.damage', 'process.crash'], wanted);

    expect(results.at(-1)?.marks.has('stopped by a failed disk')).toBe(true);
  },
  timeoutMs,
);

test(
  'an old copy of a disk is put back, is found out, and never votes',
  async () => {
    const seen: string[] = [];
    const after = (happening: Happening): void => {
      if (happening.type === 'ended' && happening.how === 'oldDisk') seen.push('put back');
      if (happening.type !== 'stepped') return;
      if (happening.node.disk > 1 && happening.state.isQuarantined) seen.push('found out');
    };
    const watch: Oracle = { after, atEnd: () => undefined };
    const company: Company = {
      ...simCompany,
      oracles: (world) => [...simCompany.oracles(world), watch],
    };

    await meet(['member.oldDisk'], ['member.oldDisk'], company);

    expect(seen).toContain('put back');
    expect(seen).toContain('found out');
  },
  timeoutMs,
);

test(
  'the address of one that is gone gets a new node, which takes no calls that were not for it',
  async () => {
    const results = await meet(['member.address', 'member.change'], ['member.address']);

    expect(results.at(-1)?.faults.has('member.address')).toBe(true);
  },
  timeoutMs,
);
