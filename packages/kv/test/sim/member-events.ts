import { outlived, stoppedByDisk } from './disks.ts';
import type { MemberEvents, SimMember } from './member.ts';
import { strangeEnded, strangeFound } from './strange-state.ts';
import { troubled } from './trouble.ts';
import { KvViolation } from './violation.ts';
import type { KvWorld } from './world.ts';

/** A stop that takes longer than it may is told as an error, and is none. */
const harmless = ['did not end in time; something hangs, and is left behind'];

/** What must not become of a member, and what follows from what may. */
export function eventsOf(world: KvWorld): MemberEvents {
  return {
    started: (one) => {
      if (isGhost(world, one)) {
        const text = `${one.name} has left, and came back under its name with an empty disk.`;
        world.fail(new KvViolation('membership', text));
      }
      outlived(world, one);
    },
    startFailed: (one, error) => {
      if (isByDamage(one, error)) stoppedByDisk(world, one, { isStart: true });
      else if (isLeaving(world, one)) {
        world.mark(isGhost(world, one) ? 'used name refused' : 'empty disk refused');
      } else world.fail(error);
    },
    stopped: (one, fatal) => {
      if (isByDamage(one, fatal)) {
        stoppedByDisk(world, one, { isStart: false });
        return;
      }
      const text = `Member ${one.name} has stopped by itself: ${fatal.message}`;
      world.fail(new KvViolation('health', text, { cause: fatal }));
    },
    ended: (one) => strangeEnded(world, one),
    complains: (one, message, details) => {
      if (harmless.includes(message)) return;
      if (details['problem'] === 'state-differs' && world.strange.size > 0) {
        const other = details['about'];
        const about = typeof other === 'string' ? other : one.name;
        if (about === one.name && message.includes('out of service')) strangeFound(world, one);
        // The others may say so when it has gone already, and, of few, not know whose state it is.
        if (world.strange.has(about) || message.includes('nobody can tell')) return;
      }
      // One that was removed, or whose disk is bad, says so until it is ended.
      if (troubled(world) === one || one.disk.isDamaged || one.disk.hasMisread) return;
      const text = `Member ${one.name} says: ${message} ${JSON.stringify(details)}`;
      world.fail(new KvViolation('health', text));
    },
  };
}

/** It has read what was not written. */
function isByDamage({ disk }: SimMember, error: unknown): boolean {
  return (disk.isDamaged || disk.hasMisread) && codesOf(error).includes('RAFT_DAMAGED');
}

function isLeaving({ trouble }: KvWorld, one: SimMember): boolean {
  return trouble?.type === 'change' && trouble.change.leaving === one;
}

/** It has left, and its name with it. */
function isGhost(world: KvWorld, one: SimMember): boolean {
  const { trouble } = world;
  return isLeaving(world, one) && trouble?.type === 'change' && trouble.change.kind === 'come back';
}

/** The codes of an error and of those that led to it. */
function codesOf(error: unknown): unknown[] {
  const codes: unknown[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at) codes.push(at.code);
  }
  return codes;
}
