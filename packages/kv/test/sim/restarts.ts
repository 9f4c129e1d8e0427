import { between } from '../../../quorate/test/sim/choices.ts';
import type { SimClient } from './client.ts';
import type { SimMember } from './member.ts';
import type { KvWorld } from './world.ts';

/** Has a member or a client start again, within milliseconds or seconds. */
export function restartLater(world: KvWorld, one: SimMember | SimClient): void {
  const isQuick = world.choices.choose('nemesis.quickRestart', 2) === 0;
  const ms = between(world.choices, 'nemesis.restartMs', isQuick ? 0 : 50, isQuick ? 15 : 3000);
  world.queue.after(ms, () => {
    if (!world.isOver && !(world.isCalm && world.clients.has(one.name))) one.start();
  });
}
