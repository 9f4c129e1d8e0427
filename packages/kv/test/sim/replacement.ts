import { between, pick } from '../../../quorate/test/sim/choices.ts';
import type { CallContext } from '../../src/server/service.ts';
import type { SimMember } from './member.ts';
import type { KvWorld } from './world.ts';

/** Members that are replaced in one run at most: clients know one of the first ones that stays. */
const mostReplaced = 2;
const firstPauseMs = 20;
const longestPauseMs = 400;

/** One member takes the place of another. */
export interface Replacement {
  readonly fresh: SimMember;
  readonly old: SimMember;
}

/**
 * A member leaves for good and another one comes, with a new name and an empty disk: it joins by
 * itself, or an operator adds and promotes it. Sometimes the disk of the old one is lost before.
 * What fails is tried again until it is done, also in the calm.
 */
export function replaceOne(world: KvWorld): void {
  const { choices, knobs } = world;
  const members = [...world.members.values()];
  if (world.replacement !== undefined || members.some(({ isAlive }) => !isAlive)) return;
  const count = world.named - knobs.memberCount;
  if (count >= mostReplaced) return;
  const old = pick(choices, 'replace.old', members);
  const isLost = choices.choose('replace.lost', 3) === 2;
  const isAdded = choices.choose('replace.added', 2) === 1;
  const fresh = world.addMember({ isAdded });
  world.replacement = { fresh, old };
  const how = `${old.name} by ${fresh.name}${isAdded ? ', added' : ''}${isLost ? ', lost' : ''}`;
  world.fault('operation.replace', how);
  if (isLost) old.end();
  const steps = isAdded ? [add, start, promote, remove] : [start, isVoter, remove];
  carryOut(world, { fresh, old }, steps);
}

/** Whether it is done; what it throws is tried again. */
type Step = (world: KvWorld, replacement: Replacement, context: CallContext) => Promise<boolean>;

function carryOut(world: KvWorld, replacement: Replacement, steps: readonly Step[]): void {
  const [step, ...rest] = steps;
  if (step === undefined) {
    replacement.old.end();
    world.members.delete(replacement.old.name);
    world.replacement = undefined;
    world.tell(`replaced ${replacement.old.name}`);
    world.mark('member replaced');
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
        carryOut(world, replacement, rest);
        return;
      }
      pauseMs = Math.min(2 * pauseMs, longestPauseMs);
      world.queue.after(between(world.choices, 'replace.pauseMs', pauseMs / 2, pauseMs), attempt);
    };
    // Whoever was asked may end, or stand still.
    world.queue.after(2000, () => go(false));
    const { process } = staying(world, replacement) ?? {};
    const { signal } = new AbortController();
    if (process === undefined) go(false);
    else process.enter(() => void step(world, replacement, { signal }).then(go, () => go(false)));
  };
  attempt();
}

/** A member that is neither the one nor the other. */
function staying(world: KvWorld, { fresh, old }: Replacement): SimMember | undefined {
  const members = [...world.members.values()];
  return members.find((one) => one !== fresh && one !== old && one.isUp && !one.isPaused);
}

async function start(_world: KvWorld, { fresh }: Replacement): Promise<boolean> {
  fresh.start();
  return true;
}

async function add(
  world: KvWorld,
  replacement: Replacement,
  context: CallContext,
): Promise<boolean> {
  const { name: id, address } = replacement.fresh;
  await staying(world, replacement)?.member?.service.memberAdd({ id, address }, context);
  return true;
}

async function promote(
  world: KvWorld,
  replacement: Replacement,
  context: CallContext,
): Promise<boolean> {
  const { name: id } = replacement.fresh;
  await staying(world, replacement)?.member?.service.memberPromote({ id }, context);
  return true;
}

async function isVoter(world: KvWorld, replacement: Replacement): Promise<boolean> {
  const { raft } = staying(world, replacement)?.member ?? {};
  const { voters = [] } = raft?.metrics.membership ?? {};
  return voters.length === 1 && voters.flat().includes(replacement.fresh.name);
}

async function remove(
  world: KvWorld,
  replacement: Replacement,
  context: CallContext,
): Promise<boolean> {
  const { name: id } = replacement.old;
  await staying(world, replacement)?.member?.service.memberRemove({ id }, context);
  return true;
}
