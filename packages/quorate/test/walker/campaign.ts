import type { Marks } from './marks.ts';
import { addMarks, newMarks } from './marks.ts';
import { mix, walkSeed } from './random.ts';
import type { WalkResult } from './walk.ts';
import { walk } from './walk.ts';
import type { CoreModule } from './world.ts';

export interface CampaignResult {
  readonly walkCount: number;
  readonly stepCount: number;
  readonly eventCount: number;
  readonly hash: number;
  readonly marks: Marks;
  /** The walk that found something, and the last one. */
  readonly failed?: WalkResult;
}

/** Walks one walk after the other until `steps` are done or one of them fails. */
export function runCampaign(
  module: CoreModule,
  seed: string,
  limits: { readonly steps: number; readonly walks?: number },
): CampaignResult {
  const marks = newMarks();
  let walkCount = 0;
  let stepCount = 0;
  let eventCount = 0;
  let hash = 0;
  while (stepCount < limits.steps && walkCount < (limits.walks ?? Infinity)) {
    const result = walk(module, walkSeed(seed, walkCount));
    walkCount += 1;
    stepCount += result.stepCount;
    eventCount += result.eventCount;
    hash = mix(hash, result.hash);
    addMarks(marks, result.marks);
    const done = { walkCount, stepCount, eventCount, hash, marks };
    if (result.violation !== undefined) return { ...done, failed: result };
  }
  return { walkCount, stepCount, eventCount, hash, marks };
}
