import { WalkHabits } from './habits.ts';
import { drawKnobs, type Knobs } from './knobs.ts';
import type { Marks } from './marks.ts';
import { newMarks } from './marks.ts';
import { mix, Random } from './random.ts';
import { Scheduler } from './scheduler.ts';
import { type Script, scriptOf } from './script.ts';
import { comeToRest } from './tail.ts';
import type { Tracer } from './trace.ts';
import type { Violation } from './violation.ts';
import { asViolation } from './violation.ts';
import type { CoreModule } from './world.ts';
import { World } from './world.ts';

export interface WalkOptions {
  /** Ends the walk after this step. */
  readonly until?: number;
  readonly tracer?: Tracer | undefined;
  /** What is done is written down, to be done again without the seed. */
  readonly isRecorded?: boolean;
}

export interface WalkResult {
  readonly seed: string;
  readonly stepCount: number;
  readonly eventCount: number;
  /** The same for two walks only if they did the same. */
  readonly hash: number;
  readonly marks: Marks;
  readonly violation?: Violation;
  /** What was done, if it was to be written down. */
  readonly script?: Script;
}

/** One walk in five ends with a rest, in which the cluster must recover by itself. */
const restOneIn = 5;

/** Walks from `seed` to the end, or to the first thing that must never happen. */
export function walk(module: CoreModule, seed: string, options: WalkOptions = {}): WalkResult {
  const random = new Random(seed, 'knobs');
  const knobs = drawKnobs(random);
  const rests = random.below(restOneIn) === 0;
  const { tracer } = options;
  tracer?.note(undefined, describeKnobs(knobs));
  const stepCount = Math.min(knobs.stepCount, options.until ?? Infinity);
  let world: World | undefined;
  let step = 0;
  let hash = 0;
  let violation: Violation | undefined;
  try {
    const started = startWalk(module, seed, knobs, options);
    world = started.world;
    const { scheduler } = started;
    while (step < stepCount) {
      step += 1;
      if (tracer !== undefined) tracer.step = step;
      hash = mix(hash, scheduler.step());
    }
    if (rests && step === knobs.stepCount) comeToRest(world);
  } catch (error) {
    violation = asViolation(error);
  }
  hash = mix(hash, world?.eventCount ?? 0);
  tracer?.logs(world?.nodes ?? []);
  const marks = world?.history.marks ?? newMarks();
  const eventCount = world?.eventCount ?? 0;
  const script = world?.recorder === undefined ? undefined : scriptOf(world);
  const walked = { seed, stepCount: step, eventCount, hash, marks };
  const result = script === undefined ? walked : { ...walked, script };
  return violation === undefined ? result : { ...result, violation };
}

function startWalk(
  module: CoreModule,
  seed: string,
  knobs: Knobs,
  { tracer, isRecorded }: WalkOptions,
): { readonly world: World; readonly scheduler: Scheduler } {
  let habits: WalkHabits | undefined;
  const world = new World(module, knobs, {
    seed,
    tracer,
    isRecorded,
    habits: (hands) => {
      habits = new WalkHabits(seed, knobs, hands);
      return habits;
    },
  });
  if (habits === undefined) throw new Error('a world takes its habits when it is made');
  return { world, scheduler: new Scheduler(world, seed, habits) };
}

function describeKnobs(knobs: ReturnType<typeof drawKnobs>): string {
  const { choices, ...others } = knobs;
  const counts = new Map<string, number>();
  for (const choice of choices) counts.set(choice, (counts.get(choice) ?? 0) + 1);
  return JSON.stringify({ ...others, choices: Object.fromEntries(counts) });
}
