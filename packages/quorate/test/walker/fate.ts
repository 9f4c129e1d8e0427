import { type Deed, numberIn } from './deed.ts';
import type { Disk } from './disk.ts';
import { rootEntry } from './disk.ts';
import type { Random } from './random.ts';
import type { WalkNode } from './walk-node.ts';

/** What a power failure leaves of what was under way. */
export interface Fate {
  /** So many of the oldest writes are complete though nobody was told. */
  readonly done: number;
  /** Which parts of the next one are there; each stands for those before it, too. */
  readonly torn: 'nothing' | 'vote' | 'truncate';
  /** Of the entries of a write that is torn after it truncated, so many. */
  readonly entries: number;
  /** How far a state machine that is durable has come. */
  readonly applied: number;
  /** The snapshot that was being built is there. */
  readonly isBuilt: boolean;
  /** The next process has a new origin of time. */
  readonly clock: number;
}

/** What a disk is like that comes back with less than was on it. */
export type Loss =
  | { readonly type: 'all' }
  /** It is an older copy: without the end of its log, its vote, or its term. */
  | { readonly type: 'some'; readonly logLength: number; readonly term: number | undefined };

/** Draws what a crash at this moment does. */
export function drawFate(random: Random, { disk, applied, building }: WalkNode): Fate {
  const count = disk.pending.length;
  const style = random.below(5);
  const done = style === 0 ? count : style <= 2 ? 0 : random.below(count + 1);
  const more = applied - disk.applied;
  const newly = more <= 0 ? 0 : random.chance(0.5) ? more : random.below(more + 1);
  return {
    done,
    ...drawTear(random, disk, done),
    applied: disk.applied + newly,
    isBuilt: building !== undefined && random.chance(0.5),
    clock: random.below(1000),
  };
}

function drawTear(random: Random, { pending }: Disk, done: number): Pick<Fate, 'torn' | 'entries'> {
  const torn = pending[done];
  if (torn === undefined || torn.type === 'purge' || random.chance(0.3)) {
    return { torn: 'nothing', entries: 0 };
  }
  if (random.chance(0.3)) return { torn: 'vote', entries: 0 };
  return { torn: 'truncate', entries: random.below((torn.append?.length ?? 0) + 1) };
}

/** Draws what a disk loses on which nothing is under way. */
export function drawLoss(random: Random, { log, snapshot, snapshotIndex, vote }: Disk): Loss {
  const kind = random.below(4);
  if (kind === 0) return { type: 'all' };
  const kept = Math.min(snapshotIndex, log.length - 1);
  const logLength = kind === 2 ? log.length : kept + 1 + random.below(log.length - kept);
  if (kind === 1) return { type: 'some', logLength, term: undefined };
  const { term: inLog } = (log[logLength - 1] ?? rootEntry).logId;
  const lowest = Math.max(inLog, snapshot?.entry.logId.term ?? 0);
  return { type: 'some', logLength, term: lowest + random.below(vote.term - lowest + 1) };
}

/** What a deed says about a crash, as far as it is possible for this node now. */
export function fitFate(deed: Deed, { disk, applied }: WalkNode): Fate {
  const torn = deed.details['torn'];
  return {
    done: Math.min(numberIn(deed, 'done', 0), disk.pending.length),
    torn: torn === 'vote' || torn === 'truncate' ? torn : 'nothing',
    entries: numberIn(deed, 'entries', 0),
    applied: Math.min(Math.max(numberIn(deed, 'applied', 0), disk.applied), applied),
    isBuilt: deed.details['built'] !== undefined,
    clock: numberIn(deed, 'clock', 0),
  };
}

/** A loss as far as it is possible for this disk: an older copy of it is what is left. */
export function fitLoss(loss: Loss, { log, snapshot, snapshotIndex, vote }: Disk): Loss {
  if (loss.type === 'all') return loss;
  const kept = Math.min(snapshotIndex, log.length - 1);
  const logLength = Math.min(log.length, Math.max(kept + 1, loss.logLength));
  if (loss.term === undefined) return { type: 'some', logLength, term: undefined };
  const { term: inLog } = (log[logLength - 1] ?? rootEntry).logId;
  const lowest = Math.max(inLog, snapshot?.entry.logId.term ?? 0);
  return { type: 'some', logLength, term: Math.min(vote.term, Math.max(lowest, loss.term)) };
}
