import { type Choices, SeededChoices } from '../../../quorate/test/sim/choices.ts';
import { turn } from '../../../quorate/test/sim/drive.ts';
import { arm, disarm, takeCaught } from '../../../quorate/test/sim/trap.ts';
import { packageVersion } from '../../src/server/member/status.ts';
import { calmDown } from './calm.ts';
import { loadHttpApi } from './http-server.ts';
import { drawKnobs, type KvKnobs } from './knobs.ts';
import { startNemesis } from './nemesis.ts';
import { type FinalState, judge } from './verdict.ts';
import { KvViolation } from './violation.ts';
import { KvWorld } from './world.ts';

export interface KvRun {
  readonly seed: string;
  readonly knobs: KvKnobs;
  /** The same for two runs only if the same happened in both. */
  readonly hash: number;
  readonly eventCount: number;
  readonly simulatedMs: number;
  /** Calls of clients that changed something, and all that were recorded. */
  readonly revision: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly marks: ReadonlyMap<string, number>;
  readonly failure: { readonly error: unknown } | undefined;
}

export interface KvRunOptions {
  /** Something to find: clients believe that they know a newer revision than there is. */
  readonly plant?: boolean;
  readonly onTold?: (line: string) => void;
}

/** How long a cluster may take to form while nothing is wrong yet. */
const formingMs = 60_000;

/** Runs one world from its beginning to its end, or to the first thing that must never happen. */
export async function runKvSeed(seed: string, options: KvRunOptions = {}): Promise<KvRun> {
  const { onTold, plant = false } = options;
  const choices: Choices = new SeededChoices(seed);
  const knobs = drawKnobs(choices);
  const world = new KvWorld({ choices, knobs, onTold });
  if (plant) world.records.heard = 1000;
  let end: FinalState | undefined;
  await guarded(world, async () => {
    end = await live(world);
  });
  for (const { process } of [...world.members.values(), ...world.clients.values()]) process?.kill();
  if (end !== undefined && !world.isOver) {
    try {
      judge(world.records, world.chronicle, end);
    } catch (error) {
      world.fail(error);
    }
  }
  return {
    seed,
    knobs,
    hash: world.hash,
    eventCount: world.eventCount,
    simulatedMs: world.now,
    revision: world.chronicle.revision,
    faults: world.faults,
    marks: world.marks,
    failure: world.failure,
  };
}

async function live(world: KvWorld): Promise<FinalState | undefined> {
  const members = [...world.members.values()];
  for (const member of members) member.start();
  const isFormed = (): boolean => members.every(({ member }) => member?.isReady === true);
  if (!(await world.run(formingMs, isFormed))) {
    const text = `The cluster is not ready after ${formingMs} ms, and nothing was wrong.`;
    world.fail(new KvViolation('liveness', text));
    return undefined;
  }
  for (const client of world.clients.values()) client.start();
  startNemesis(world);
  await world.run(world.knobs.chaosMs, () => false);
  return world.isOver ? undefined : calmDown(world);
}

/**
 * While `work` lasts nothing reaches the real world, and a promise that nobody caught is a failure
 * of the run.
 */
async function guarded(world: KvWorld, work: () => Promise<void>): Promise<void> {
  const onRejection = (reason: unknown): void => {
    const text = `A rejection was caught by nobody: ${String(reason)}`;
    world.fail(new KvViolation('rejection', text, { cause: reason }));
  };
  process.on('unhandledRejection', onRejection);
  // They are read from files once.
  packageVersion();
  loadHttpApi();
  takeCaught();
  arm();
  try {
    await work();
  } catch (error) {
    world.fail(error);
  } finally {
    disarm();
  }
  const trapped = takeCaught();
  if (trapped !== undefined) {
    world.fail(new KvViolation('real world', trapped.message, { cause: trapped }));
  }
  // Node tells of rejections when it has nothing else to do.
  await new Promise<void>(turn);
  process.off('unhandledRejection', onRejection);
}
