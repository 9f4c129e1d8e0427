import { between } from '../../../quorate/test/sim/choices.ts';
import { KvError } from '../../src/client.ts';
import type { CallContext, KvService } from '../../src/server/service.ts';
import type { SimMember } from './member.ts';
import type { Change } from './trouble.ts';
import { KvViolation } from './violation.ts';
import type { KvWorld } from './world.ts';

/** Whoever was asked may end, or stand still. */
const attemptMs = 2000;
const firstPauseMs = 20;
const longestPauseMs = 400;
/** How long one that has left is given to see that its name is used up. */
const comeBackMs = 1500;

/** Whether it is done; what it throws is tried again. */
export type Step = (world: KvWorld, change: Change, context: CallContext) => Promise<boolean>;

/** Takes one step after the other; what fails is tried again until it is done, in the calm too. */
export function carryOut(world: KvWorld, change: Change, steps: readonly Step[]): void {
  const [step, ...rest] = steps;
  if (step === undefined) {
    finish(world, change);
    return;
  }
  let pauseMs = firstPauseMs;
  const attempt = (): void => {
    if (world.isOver) return;
    let isOpen = true;
    const go = (isDone: boolean): void => {
      if (!isOpen) return;
      isOpen = false;
      if (isDone) {
        carryOut(world, change, rest);
        return;
      }
      pauseMs = Math.min(2 * pauseMs, longestPauseMs);
      world.queue.after(between(world.choices, 'replace.pauseMs', pauseMs / 2, pauseMs), attempt);
    };
    const failed = (error: unknown): void => {
      if (error instanceof KvViolation) world.fail(error);
      else go(false);
    };
    world.queue.after(attemptMs, () => go(false));
    const { process } = staying(world, change) ?? {};
    const { signal } = new AbortController();
    if (process === undefined) go(false);
    else process.enter(() => void step(world, change, { signal }).then(go, failed));
  };
  attempt();
}

/** Somebody who neither comes nor goes. */
function staying(world: KvWorld, { coming, leaving }: Change): SimMember | undefined {
  const members = [...world.members.values()].filter(
    (one) => one !== coming && one !== leaving && one.isUp && !one.isPaused,
  );
  return members[world.choices.choose('change.asked', Math.max(1, members.length))];
}

function serviceFor(world: KvWorld, change: Change): KvService {
  const { member } = staying(world, change) ?? {};
  if (member === undefined) throw new KvError('KV_NO_LEADER', 'There is nobody to ask.');
  return member.service;
}

/** Nothing is done for a while. */
export function linger(world: KvWorld): Promise<boolean> {
  const ms = between(world.choices, 'change.lingerMs', 100, 0.9 * attemptMs);
  return new Promise((resolve) => {
    world.queue.after(ms, () => resolve(true));
  });
}

export async function start(_world: KvWorld, { coming }: Change): Promise<boolean> {
  coming?.start();
  return true;
}

export async function add(world: KvWorld, change: Change, context: CallContext): Promise<boolean> {
  const { name: id, address } = demanded(change.coming);
  await serviceFor(world, change).memberAdd({ id, address }, context);
  return true;
}

export async function promote(
  world: KvWorld,
  change: Change,
  context: CallContext,
): Promise<boolean> {
  const { name: id } = demanded(change.coming);
  await serviceFor(world, change).memberPromote({ id }, context);
  return true;
}

/** It becomes a voter, and the old one is none any more, in one step. */
export async function takePlace(
  world: KvWorld,
  change: Change,
  context: CallContext,
): Promise<boolean> {
  const { name: id } = demanded(change.coming);
  const { name: insteadOf } = demanded(change.leaving);
  const { members } = await serviceFor(world, change).memberPromote({ id, insteadOf }, context);
  if (members.some((one) => one.id === insteadOf && one.role === 'voter')) {
    throw new KvViolation('membership', `${id} took the place of ${insteadOf}, which votes on.`);
  }
  return true;
}

export async function isVoter(world: KvWorld, change: Change): Promise<boolean> {
  const { raft } = staying(world, change)?.member ?? {};
  const { voters = [] } = raft?.metrics.membership ?? {};
  return voters.length === 1 && voters.flat().includes(demanded(change.coming).name);
}

/** One that was added to be a learner must stay one until somebody promotes it. */
export async function isLearner(world: KvWorld, change: Change): Promise<boolean> {
  const { raft } = staying(world, change)?.member ?? {};
  const { voters = [], nodes = {} } = raft?.metrics.membership ?? {};
  const { name, member } = demanded(change.coming);
  if (voters.flat().includes(name)) {
    throw new KvViolation('membership', `${name} is a voter, and nobody has promoted it.`);
  }
  return name in nodes && member?.isReady === true;
}

export async function removeLeaving(
  world: KvWorld,
  change: Change,
  context: CallContext,
): Promise<boolean> {
  const { name: id } = demanded(change.leaving);
  await serviceFor(world, change).memberRemove({ id }, context);
  return true;
}

export async function removeComing(
  world: KvWorld,
  change: Change,
  context: CallContext,
): Promise<boolean> {
  const { name: id } = demanded(change.coming);
  await serviceFor(world, change).memberRemove({ id }, context);
  return true;
}

/** Whether or not somebody can take over. */
export async function handOver(
  world: KvWorld,
  change: Change,
  context: CallContext,
): Promise<boolean> {
  world.mark('handed over within a change');
  await serviceFor(world, change)
    .transferLeadership(undefined, context)
    .catch(() => undefined);
  return true;
}

function finish(world: KvWorld, { kind, coming, leaving }: Change): void {
  const { wanted } = world;
  const isGone = kind === 'learner came and went';
  if (coming !== undefined && !isGone) wanted.voters.add(coming.name);
  const gone = isGone ? coming : leaving;
  if (gone !== undefined) {
    wanted.voters.delete(gone.name);
    gone.end();
    world.members.delete(gone.name);
  }
  world.tell(`change done: ${kind}`);
  world.mark(kind);
  if (gone !== undefined && world.choices.choose('change.comeBack', 3) === 2) {
    comeBack(world, gone.name);
  } else world.trouble = undefined;
}

/** A name that has left is tried once more, with an empty disk. It must be refused. */
function comeBack(world: KvWorld, name: string): void {
  const again = world.addGhost(name);
  world.fault('operation.members', `${name} tries to come back`);
  const change = { kind: 'come back', coming: undefined, leaving: again, isLost: true };
  const trouble = { type: 'change' as const, change };
  world.trouble = trouble;
  again.start();
  world.queue.after(comeBackMs, () => {
    again.end();
    world.members.delete(name);
    if (world.trouble === trouble) world.trouble = undefined;
  });
}

function demanded(member: SimMember | undefined): SimMember {
  if (member === undefined) throw new Error('The change has no such member.');
  return member;
}
