import type { SimMember } from './member.ts';
import type { KvWorld } from './world.ts';

/** Members come or go. */
export interface Change {
  /** As it is called in what happened. */
  readonly kind: string;
  readonly coming: SimMember | undefined;
  readonly leaving: SimMember | undefined;
  /** The disk of the leaving one is lost: its data is on the others alone. */
  readonly isLost: boolean;
}

/** A member whose state was made another one than its log says. */
export interface StrangeState {
  readonly key: Uint8Array;
  /** The member has taken itself out of service. */
  isFound: boolean;
}

/**
 * What one member has lost must be on the others, and a cluster of few is no cluster with one more
 * taken away. So there is one of these at a time.
 */
export type Trouble =
  | { readonly type: 'change'; readonly change: Change }
  /** Its disk does not have what was written to it. */
  | { readonly type: 'damage'; readonly member: SimMember }
  /** `state` is what was done to it, once it was. */
  | { readonly type: 'state'; readonly member: SimMember; state: StrangeState | undefined };

/** The member that the trouble is about, which may well say that something is wrong. */
export function troubled({ trouble }: KvWorld): SimMember | undefined {
  return trouble?.type === 'change' ? trouble.change.leaving : trouble?.member;
}

/** So many voters, and nothing under way: one of them may fail for good. */
const leastVoters = 3;

/** Whether one member may be lost just now. */
export function maySpareOne(world: KvWorld): boolean {
  const { trouble, wanted, isCalm, members } = world;
  if (trouble !== undefined || isCalm || wanted.voters.size < leastVoters) return false;
  // A name whose disk the others do not know yet would be known by the next one that it has.
  const pictures = [...members.values()].flatMap(({ member }) => member?.raft.metrics ?? []);
  return pictures.some(({ role, membership }) => {
    if (role !== 'leader' || membership.voters.length !== 1) return false;
    return Object.values(membership.nodes).every(({ incarnation }) => incarnation !== undefined);
  });
}
