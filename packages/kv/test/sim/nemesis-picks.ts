import { pick } from '../../../quorate/test/sim/choices.ts';
import type { SimMember } from './member.ts';
import type { KvWorld } from './world.ts';

/** One of those that are as wanted, now and then the leader on purpose. */
export function pickMember(
  world: KvWorld,
  isWanted: (member: SimMember) => boolean,
): SimMember | undefined {
  const members = [...world.members.values()].filter(isWanted);
  if (members.length === 0) return undefined;
  const leader = members.find(({ leads }) => leads);
  const wantsLeader = world.choices.choose('nemesis.wantsLeader', 2) === 1;
  if (wantsLeader && leader !== undefined) return leader;
  return pick(world.choices, 'nemesis.member', members);
}
