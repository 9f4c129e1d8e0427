import type { LeaseId, Revision } from '../../src/types.ts';

/** A call; without `returnedAt` nobody heard what became of it. */
interface Call {
  readonly calledAt: number;
  readonly returnedAt?: number;
}

interface Answered {
  readonly calledAt: number;
  readonly returnedAt: number;
}

/**
 * What clients did and saw, in milliseconds of one clock that never jumps. A key is attached to its
 * lease once, before anybody looks for it, and is not put again.
 */
export type LeaseEvent =
  | ({ readonly type: 'grant'; readonly lease: LeaseId; readonly ttlMs: number } & Call)
  /** `isFound`: whether the lease was still there; known if it returned. */
  | ({ readonly type: 'keepAlive'; readonly lease: LeaseId; readonly isFound?: boolean } & Call)
  | ({ readonly type: 'revoke'; readonly lease: LeaseId } & Call)
  /** A linearizable read. */
  | ({ readonly type: 'look'; readonly lease: LeaseId; readonly isThere: boolean } & Answered)
  /** A watcher was told of it. */
  | {
      readonly type: 'deleted';
      readonly lease: LeaseId;
      readonly revision: Revision;
      readonly returnedAt: number;
    }
  /** From about here on another member led: what lives then gets its whole time again. */
  | { readonly type: 'lead'; readonly returnedAt: number };

export type LeaseRule =
  /** Gone before its time since the last renewal that was acknowledged, and nobody revoked it. */
  | 'early'
  /** Still there when its time, and more, has passed since anything can have renewed it. */
  | 'late'
  /** There again, or renewed, after it was seen to be gone. */
  | 'revived'
  /** There after a revoke that was acknowledged. */
  | 'revoked'
  /** Keys of one lease were deleted at different revisions. */
  | 'apart';

export interface LeaseViolation {
  readonly rule: LeaseRule;
  readonly text: string;
}

export interface LeaseBounds {
  /** How long after its time a lease may still be there. */
  readonly graceMs: number;
  /** A call that nobody heard of can take effect for so long after it was made. */
  readonly callMs: number;
}

/** Which rules a history breaks: empty if it breaks none. */
export function checkLeases(
  events: readonly LeaseEvent[],
  bounds: LeaseBounds,
): readonly LeaseViolation[] {
  const leads = events.flatMap((event) => (event.type === 'lead' ? [event.returnedAt] : []));
  const ids = new Set(events.flatMap((event) => (event.type === 'lead' ? [] : [event.lease])));
  return [...ids].flatMap((lease) => {
    const own = events.filter((event) => event.type !== 'lead' && event.lease === lease);
    const history = historyOf(own as readonly OfOne[], leads);
    return [
      ...checkEarly(history),
      ...checkLate(history, bounds),
      ...checkGone(history),
      ...checkTogether(history),
    ].map(({ rule, text }) => ({ rule, text: `Lease ${lease} ${text}` }));
  });
}

type OfOne = Exclude<LeaseEvent, { type: 'lead' }>;

interface History {
  readonly ttlMs: number;
  /** Calls that can have given it its whole time. */
  readonly renewals: readonly (Call & { readonly isFound?: boolean })[];
  readonly revokes: readonly Call[];
  readonly present: readonly Answered[];
  /** When it was seen to be gone. */
  readonly absent: readonly number[];
  readonly deletedAt: readonly Revision[];
  readonly leads: readonly number[];
}

function historyOf(events: readonly OfOne[], leads: readonly number[]): History {
  const grant = events.find((event) => event.type === 'grant');
  if (grant?.type !== 'grant')
    throw new RangeError('The history of a lease begins with its grant.');
  const looks = events.flatMap((event) => (event.type === 'look' ? [event] : []));
  const deleted = events.flatMap((event) => (event.type === 'deleted' ? [event] : []));
  const gone = [...looks.filter(({ isThere }) => !isThere), ...deleted];
  return {
    ttlMs: grant.ttlMs,
    renewals: [
      { ...grant, ...(grant.returnedAt === undefined ? {} : { isFound: true }) },
      ...events.flatMap((event) => (event.type === 'keepAlive' ? [event] : [])),
    ],
    revokes: events.flatMap((event) => (event.type === 'revoke' ? [event] : [])),
    present: looks.filter(({ isThere }) => isThere),
    absent: gone.map(({ returnedAt }) => returnedAt),
    deletedAt: deleted.map(({ revision }) => revision),
    leads,
  };
}

/** Whoever heard of a renewal may count on the whole time from when it asked. */
function checkEarly({ ttlMs, renewals, revokes, absent }: History): LeaseViolation[] {
  const goneAt = Math.min(...absent);
  if (revokes.some(({ calledAt }) => calledAt <= goneAt)) return [];
  const known = renewals.filter(({ isFound, calledAt }) => isFound === true && calledAt <= goneAt);
  const calledAt = Math.max(...known.map((renewal) => renewal.calledAt));
  if (goneAt >= calledAt + ttlMs) return [];
  const text = `was renewed at ${calledAt} for ${ttlMs} ms, and gone at ${goneAt}.`;
  return [{ rule: 'early', text }];
}

function checkLate(
  { ttlMs, renewals, present, leads }: History,
  { graceMs, callMs }: LeaseBounds,
): LeaseViolation[] {
  const latest = renewals
    .filter(({ isFound }) => isFound !== false)
    .map(({ calledAt, returnedAt }) => returnedAt ?? calledAt + callMs);
  const violations: LeaseViolation[] = [];
  for (const { calledAt } of present) {
    // What comes later than this look has not kept it alive until here.
    const renewedAt = Math.max(...[...latest, ...leads].filter((at) => at <= calledAt));
    const isUnderWay = renewals.some(
      (renewal) =>
        renewal.calledAt <= calledAt &&
        calledAt < (renewal.returnedAt ?? renewal.calledAt + callMs),
    );
    if (isUnderWay || calledAt <= renewedAt + ttlMs + graceMs) continue;
    const text = `has ${ttlMs} ms from ${renewedAt} at most, and was there at ${calledAt}.`;
    violations.push({ rule: 'late', text });
  }
  return violations;
}

function checkGone({ renewals, revokes, present, absent }: History): LeaseViolation[] {
  const violations: LeaseViolation[] = [];
  const goneAt = Math.min(...absent);
  const revokedAt = Math.min(...revokes.map(({ returnedAt = Infinity }) => returnedAt));
  for (const { calledAt } of present) {
    if (calledAt > goneAt) {
      const text = `was gone at ${goneAt}, and there again at ${calledAt}.`;
      violations.push({ rule: 'revived', text });
    } else if (calledAt > revokedAt) {
      const text = `was revoked at ${revokedAt}, and there at ${calledAt}.`;
      violations.push({ rule: 'revoked', text });
    }
  }
  for (const { calledAt, isFound } of renewals) {
    if (isFound !== true || calledAt <= Math.min(goneAt, revokedAt)) continue;
    const text = `was gone at ${Math.min(goneAt, revokedAt)}, and renewed at ${calledAt}.`;
    violations.push({ rule: 'revived', text });
  }
  return violations;
}

function checkTogether({ deletedAt }: History): LeaseViolation[] {
  const revisions = [...new Set(deletedAt)];
  if (revisions.length <= 1) return [];
  return [{ rule: 'apart', text: `lost its keys at revisions ${revisions.join(', ')}.` }];
}
