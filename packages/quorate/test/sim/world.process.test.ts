import { expect, test } from 'vitest';
import { SeededChoices } from './choices.ts';
import { FixedWorkload } from './fixed-workload.ts';
import { type Happening, type Oracle, SimViolation, type SimWorld } from './hooks.ts';
import { drawKnobs } from './knobs.ts';
import { type RunOptions, type RunResult, runSeed } from './run.ts';
import { record } from './run-file.ts';
import { describe, type World } from './world.ts';

// These run worlds in this very process, with the real world shut off while they last; hence the
// worker of their own.

const timeoutMs = 180_000;

interface Watched {
  readonly after?: (happening: Happening, world: SimWorld) => void;
  readonly atEnd?: () => void;
  readonly workload?: (world: SimWorld) => FixedWorkload;
}

function companyOf({ after, atEnd, workload }: Watched = {}): RunOptions['company'] {
  return {
    workload: workload ?? (() => new FixedWorkload(3)),
    oracles: (world): readonly Oracle[] => [
      { after: (happening) => after?.(happening, world), atEnd: () => atEnd?.() },
    ],
  };
}

function run(seed: string, watched?: Watched, options?: Partial<RunOptions>): Promise<RunResult> {
  return runSeed(seed, { company: companyOf(watched), ...options });
}

test(
  'a seed does the same each time, kept or not, and another seed does something else',
  async () => {
    const first = await run('one');
    const again = await run('one', {}, { keepTrace: true });
    const other = await run('two');

    expect(first.failure).toBeUndefined();
    expect(again.hash).toBe(first.hash);
    expect(again.eventCount).toBe(first.eventCount);
    expect(again.traceCount).toBe(again.events.length);
    expect(other.hash).not.toBe(first.hash);
  },
  timeoutMs,
);

test(
  'the choices of a run are enough to have it again',
  async () => {
    const company = companyOf();
    const { result, file } = await record('three', { company });

    const again = await record('whatever', { company, replay: file.choices });

    expect(again.result.hash).toBe(result.hash);
    expect(again.file.choices).toEqual(file.choices);
    expect(again.file.events).toEqual(file.events);
  },
  timeoutMs,
);

test(
  'whoever looks on sees every kind of thing happen, and none of it in a dead process',
  async () => {
    const seen = new Map<string, number>();
    const ghosts: string[] = [];
    const ended = new Set<string>();
    const after = (happening: Happening): void => {
      const { type } = happening;
      seen.set(type, (seen.get(type) ?? 0) + 1);
      if (!('node' in happening)) return;
      const { id } = happening.node;
      // Its disk may fail it before a start has got anywhere.
      if (type === 'recovered') ended.delete(id);
      else if (ended.has(id) && type !== 'diskFailed' && type !== 'ended') ghosts.push(type);
      if (type === 'ended') ended.add(id);
    };

    for (let seed = 0; seed < 40; seed += 1) {
      ended.clear();
      const { failure } = await run(`all ${seed}`, { after });
      expect(failure?.error, `seed all ${seed}`).toBeUndefined();
    }

    const wanted: Happening['type'][] = [
      'recovered',
      'started',
      'ended',
      'stepped',
      'stored',
      'snapshotSaved',
      'sent',
      'delivered',
      'answered',
      'applied',
      'frozen',
      'restored',
      'diskFailed',
      'fault',
      'phase',
    ];
    expect(wanted.filter((type) => !seen.has(type))).toEqual([]);
    expect(ghosts).toEqual([]);
  },
  timeoutMs,
);

test(
  'the run ends at the first violation, at the same event each time',
  async () => {
    const after = ({ type }: Happening, { now }: SimWorld): void => {
      if (type === 'stored' && now > 1000) throw new SimViolation('S0', 'for-the-test', 'Here.');
    };

    const first = await run('four', { after });
    const again = await run('four', { after }, { keepTrace: true });

    expect(describe(first.failure?.error)).toEqual({
      code: 'S0',
      title: 'for-the-test',
      text: 'Here.',
    });
    expect(again.traceCount).toBe(first.traceCount);
    expect(again.events.at(-1)).toMatchObject({ type: 'violation', code: 'S0', text: 'Here.' });
  },
  timeoutMs,
);

test(
  'a run that is cut off does until there what the whole one does',
  async () => {
    const whole = await run('five', {}, { keepTrace: true });

    const cut = await run('five', {}, { keepTrace: true, until: 500 });

    expect(cut.failure).toBeUndefined();
    expect(cut.events.slice(0, 500)).toEqual(whole.events.slice(0, 500));
    expect(cut.simulatedMs).toBeLessThan(whole.simulatedMs);
  },
  timeoutMs,
);

test(
  'a cluster whose clients still wait when the calm is over has failed',
  async () => {
    class Stuck extends FixedWorkload {
      override finish(): Promise<void> {
        return new Promise(() => {});
      }
    }

    const { failure } = await run('six', { workload: () => new Stuck(1) });

    expect(describe(failure?.error)).toMatchObject({ code: 'E2', title: 'core-liveness' });
  },
  timeoutMs,
);

test(
  'code in the world that reaches for the real one ends the run, even if it hides the error',
  async () => {
    class Cheat extends FixedWorkload {
      override start(world: SimWorld): void {
        const look = async (): Promise<number> => Date.now();
        void world.call('a', () => look().catch(() => 0));
      }
    }

    const { failure } = await run('seven', { workload: () => new Cheat(1) });

    const { code, text } = describe(failure?.error);
    expect(code).toBe('trap');
    expect(text).toMatch(/^Simulated code reached for the real world: Date\.now\./);
  },
  timeoutMs,
);

test(
  'a rejection that nobody catches ends the run',
  async () => {
    class Careless extends FixedWorkload {
      override start(): void {
        void Promise.reject(new Error('forgotten'));
      }
    }
    const listeners = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');

    const { failure } = await run('eight', { workload: () => new Careless(1) });

    for (const listener of listeners) process.on('unhandledRejection', listener);
    expect(describe(failure?.error)).toMatchObject({ code: 'S24' });
    expect(describe(failure?.error).text).toContain('forgotten');
  },
  timeoutMs,
);

test(
  'with benign answers alone nothing goes wrong, whatever is asked',
  async () => {
    const benign = { choose: () => 0 };

    const { failure, faults } = await run('nine', {}, { choices: benign });

    expect(failure).toBeUndefined();
    expect([...faults.keys()]).toEqual([]);
  },
  timeoutMs,
);

test(
  'when all faults have ended a heartbeat comes in time, however slow the network was',
  async () => {
    const drawn = drawKnobs(new SeededChoices('ten'));
    const knobs = {
      ...drawn,
      faults: { ...drawn.faults, 'clock.rate': true },
      net: { ...drawn.net, delayMs: 20 },
      clock: { slowest: 0.5, fastest: 2 },
      config: {
        ...drawn.config,
        heartbeatMs: 100,
        electionTimeoutMs: { min: 250, max: 300 },
        maxClockDrift: 0.76,
      },
    };
    const spares: number[] = [];
    const after = (happening: Happening, world: SimWorld): void => {
      if (happening.type !== 'phase' || happening.phase.name !== 'calm') return;
      const { core } = happening.phase;
      const { links, nodes } = world as World;
      const rates = core.map((id) => nodes.get(id)?.rate ?? 1);
      const patienceMs = 250 / Math.max(...rates);
      const heartbeatMs = 100 / Math.min(...rates);
      spares.push(patienceMs - heartbeatMs - 10 * links.delayMs);
    };

    for (let seed = 0; seed < 10; seed += 1) await run(`ten-${seed}`, { after }, { knobs });

    expect(spares.length).toBeGreaterThan(5);
    expect(Math.min(...spares)).toBeGreaterThan(0);
  },
  timeoutMs,
);
