import { pick } from '../../../quorate/test/sim/choices.ts';
import type { SimMember } from './member.ts';
import {
  add,
  carryOut,
  handOver,
  isLearner,
  isVoter,
  linger,
  promote,
  removeComing,
  removeLeaving,
  type Step,
  start,
  takePlace,
} from './membership-steps.ts';
import type { Change } from './trouble.ts';
import type { KvWorld } from './world.ts';

/** First members that leave in one run at most: clients know one of them that stays. */
const mostLeft = 2;
/** New names in one run at most. */
const mostComing = 5;
const mostVoters = 5;

/**
 * Whether it may leave for good. Clients that were started long ago have learned of new members,
 * or know one of the first ones.
 */
export function mayLeave(world: KvWorld, { name }: SimMember): boolean {
  if (world.named - world.knobs.memberCount >= mostComing) return false;
  return !Object.hasOwn(world.peers, name) || world.left < mostLeft;
}

/** Members come, become voters and leave, by the server's own calls. */
export function changeMembers(world: KvWorld): void {
  if (!isQuiet(world)) return;
  const { wanted } = world;
  const plans = [comeAndGo];
  if (wanted.voters.size < mostVoters) plans.push(comeAndStay);
  if (wanted.voters.size > 3) plans.push(shrink, shrink);
  pick(world.choices, 'change.plan', plans)(world);
}

/**
 * A member leaves for good and another one comes, with a new name and an empty disk: it joins by
 * itself, or an operator adds and promotes it, or has it take the place of the old one. Sometimes
 * the disk of the old one is lost before, and it may come back with an empty one meanwhile.
 */
export function replaceOne(world: KvWorld): void {
  const { choices } = world;
  if (!isQuiet(world)) return;
  const old = pick(choices, 'replace.old', [...world.members.values()]);
  if (!mayLeave(world, old) || !world.wanted.voters.has(old.name)) return;
  const isLost = world.wanted.voters.size >= 3 && choices.choose('replace.lost', 2) === 1;
  const isWiped = isLost && isKnownByDisk(world, old) && choices.choose('replace.wiped', 3) > 0;
  if (isWiped) old.wipe();
  else if (isLost) old.end();
  if (isWiped) world.mark('wiped member came back');
  // It is left alone for a while, to take part where it must not.
  replace(world, old, { isLost, first: isWiped ? [linger] : [] });
}

/** The disk of a voter is of no use any more, and its place is taken by another one. */
export function replaceLost(world: KvWorld, old: SimMember): void {
  old.end();
  replace(world, old, { isLost: true, first: [] });
}

function replace(
  world: KvWorld,
  leaving: SimMember,
  { isLost, first }: { readonly isLost: boolean; readonly first: readonly Step[] },
): void {
  const { choices } = world;
  const way = pick(choices, 'replace.way', ['joins', 'is added', 'takes the place'] as const);
  const coming = world.addMember({ isAdded: way !== 'joins' });
  const steps: Readonly<Record<typeof way, readonly Step[]>> = {
    joins: [start, isVoter, removeLeaving],
    'is added': [add, start, promote, removeLeaving],
    'takes the place': [add, start, takePlace, removeLeaving],
  };
  const kind = `${coming.name} ${way}${isLost ? ', and the disk is lost' : ''}`;
  world.fault('operation.replace', `${leaving.name}: ${kind}`);
  const change = { kind: `replaced, ${way}`, coming, leaving, isLost };
  begin(world, change, [...first, ...steps[way]]);
}

/** A learner comes, and becomes a voter after a while. */
function comeAndStay(world: KvWorld): void {
  const isAdded = world.choices.choose('change.added', 2) === 0;
  const coming = world.addMember({ isAdded });
  world.fault('operation.members', `${coming.name} comes and stays`);
  const steps = isAdded ? [add, start, isLearner, promote] : [start, isVoter];
  const change = { kind: 'voter added', coming, leaving: undefined, isLost: false };
  begin(world, change, steps);
}

/** A learner comes, learns, and is removed without ever having had a vote. */
function comeAndGo(world: KvWorld): void {
  const coming = world.addMember({ isAdded: true });
  world.fault('operation.members', `${coming.name} comes and goes`);
  const change = { kind: 'learner came and went', coming, leaving: undefined, isLost: false };
  begin(world, change, [add, start, isLearner, removeComing]);
}

/** A voter less: one that leads hands over first. */
function shrink(world: KvWorld): void {
  const { choices, wanted } = world;
  const fit = [...world.members.values()].filter(
    (one) => wanted.voters.has(one.name) && mayLeave(world, one),
  );
  if (fit.length === 0) return;
  const leader = fit.find(({ leads }) => leads);
  const wantsLeader = choices.choose('change.leader', 2) === 1;
  const leaving = wantsLeader && leader !== undefined ? leader : pick(choices, 'change.old', fit);
  world.fault('operation.members', `${leaving.name} goes`);
  const change = { kind: 'voter removed', coming: undefined, leaving, isLost: false };
  begin(world, change, [removeLeaving]);
}

/** Now and then the leadership is handed over between two steps. */
function begin(world: KvWorld, change: Change, steps: readonly Step[]): void {
  const { choices, knobs } = world;
  if (change.leaving !== undefined && Object.hasOwn(world.peers, change.leaving.name)) {
    world.left += 1;
  }
  world.trouble = { type: 'change', change };
  const between = steps.flatMap((step) =>
    knobs.faults['operation.transfer'] && choices.choose('change.transfer', 3) === 2
      ? [handOver, step]
      : [step],
  );
  carryOut(world, change, between);
}

/** Nothing is under way, and all members live. */
function isQuiet(world: KvWorld): boolean {
  const members = [...world.members.values()];
  if (world.trouble !== undefined || world.isCalm) return false;
  if (world.named - world.knobs.memberCount >= mostComing) return false;
  return members.every(({ isAlive }) => isAlive);
}

/** All members know it by its disk: before, nobody could tell an empty one from the first one. */
function isKnownByDisk(world: KvWorld, { name }: SimMember): boolean {
  return [...world.members.values()].every(({ member }) => {
    const { membership, committed } = member?.raft.metrics ?? {};
    if (membership === undefined || committed === undefined) return false;
    const isInForce = membership.voters.length === 1 && membership.logId.index <= committed.index;
    return isInForce && membership.nodes[name]?.incarnation !== undefined;
  });
}
