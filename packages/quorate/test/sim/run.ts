import { installSites } from '../../src/platform/sites.ts';
import { calm } from './calm.ts';
import { type Choices, SeededChoices } from './choices.ts';
import { turn } from './drive.ts';
import type { Oracle, SimWorld, Workload } from './hooks.ts';
import { SimViolation } from './hooks.ts';
import { drawKnobs, type Knobs } from './knobs.ts';
import { nameOf } from './names.ts';
import { Nemesis } from './nemesis.ts';
import { Sites } from './sites.ts';
import type { TraceEvent } from './trace.ts';
import { arm, disarm, takeCaught } from './trap.ts';
import { World } from './world.ts';

/** Those who work in the world and those who look on. */
export interface Company {
  workload(world: SimWorld): Workload;
  oracles(world: SimWorld): readonly Oracle[];
}

export interface RunOptions {
  readonly company: Company;
  /** Where choices come from. Default: the seed. */
  readonly choices?: Choices;
  /** Default: drawn from the choices. */
  readonly knobs?: Knobs | undefined;
  readonly keepTrace?: boolean;
  /** Ends the run after this event of its trace. */
  readonly until?: number | undefined;
}

export interface RunResult {
  readonly seed: string;
  readonly knobs: Knobs;
  readonly nodes: readonly string[];
  /** The same for two runs only if the same happened in both. */
  readonly hash: number;
  /** Events of the world: messages, timers, calls of disks, steps of clients. */
  readonly eventCount: number;
  /** Events of the trace. */
  readonly traceCount: number;
  readonly simulatedMs: number;
  readonly events: readonly TraceEvent[];
  readonly faults: ReadonlyMap<string, number>;
  readonly marks: ReadonlyMap<string, number>;
  /** What it failed with; there is one at most. */
  readonly failure: { readonly error: unknown } | undefined;
}

/** How long a cluster may take to form while nothing is wrong yet. */
const formingMs = 60_000;

/** Runs one world from its beginning to its end, or to the first thing that must never happen. */
export async function runSeed(seed: string, options: RunOptions): Promise<RunResult> {
  const choices = options.choices ?? new SeededChoices(seed);
  const knobs = options.knobs ?? drawKnobs(choices);
  const { keepTrace = false, until } = options;
  const world = new World({ choices, knobs, keepTrace, until });
  const workload = options.company.workload(world);
  for (const oracle of options.company.oracles(world)) world.watch(oracle);
  await guarded(world, async () => {
    await live(world, workload);
    if (!world.isOver) await world.end();
  });
  for (const node of world.nodes.values()) node.process?.kill();
  const { trace } = world;
  for (const { id, durable, machine, life } of world.nodes.values()) {
    trace.fact(id, durable.entries.length + durable.purged.index, life);
    trace.fact(machine.digest, world.eventCount, Math.floor(world.now));
  }
  return {
    seed,
    knobs,
    nodes: [...world.nodes.keys()],
    hash: trace.hash,
    eventCount: world.eventCount + workload.stepCount,
    traceCount: trace.count,
    simulatedMs: world.now,
    events: trace.events,
    faults: world.faults,
    marks: world.marks,
    failure: world.failure,
  };
}

/**
 * While `work` lasts nothing reaches the real world, and a promise that nobody caught is a failure
 * of the run.
 */
async function guarded(world: World, work: () => Promise<void>): Promise<void> {
  const onRejection = (reason: unknown): void => {
    const message = `A rejection was caught by nobody: ${String(reason)}`;
    world.fail(new SimViolation('S24', 'bounds', message, { cause: reason }));
  };
  process.on('unhandledRejection', onRejection);
  takeCaught();
  installSites(new Sites(world));
  arm();
  try {
    await work();
  } catch (error) {
    world.fail(error);
  } finally {
    disarm();
    installSites(undefined);
  }
  const trapped = takeCaught();
  if (trapped !== undefined)
    world.fail(new SimViolation('trap', 'real-world', trapped.message, { cause: trapped }));
  // Node tells of rejections when it has nothing else to do.
  await new Promise<void>(turn);
  process.off('unhandledRejection', onRejection);
}

async function live(world: World, workload: Workload): Promise<void> {
  const isFormed = await form(world);
  if (world.isOver) return;
  if (!isFormed) {
    const message = `The cluster has no leader after ${formingMs} ms, and nothing was wrong.`;
    world.fail(new SimViolation('E1', 'liveness', message));
    return;
  }
  world.enter({ name: 'chaos' });
  workload.start(world);
  const nemesis = new Nemesis(world);
  nemesis.start();
  await world.run(world.knobs.chaosMs, () => false);
  nemesis.stop();
  if (world.isOver) return;
  await calm(world, workload);
}

/** Starts the first nodes and makes them a cluster. */
async function form(world: World): Promise<boolean> {
  const names = Array.from({ length: world.knobs.nodeCount }, (_, at) => nameOf(at));
  for (const name of names) world.add(name).start();
  const nodes = [...world.nodes.values()];
  await world.run(formingMs, () => nodes.every(({ isUp }) => isUp));
  const first = names[0] as string;
  const members = Object.fromEntries(names.map((name) => [name, {}]));
  void world
    .call(first, (raft) => raft.initialize(members))
    .then((outcome) => {
      if (outcome.type === 'error') world.fail(outcome.error);
    });
  // A member that never heard of the cluster could not help to save it.
  return world.run(formingMs, () => nodes.every(({ state }) => (state?.committed ?? 0) > 0));
}
