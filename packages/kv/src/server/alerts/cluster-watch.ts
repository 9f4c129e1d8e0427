import type { FollowerProgress, RaftMetrics } from 'quorate';
import type { KvAlert } from '../../types.ts';
import { alertOf } from './kinds.ts';
import type { MemberReport } from './member-reports.ts';

/** A report, and what the leader saw when it came. */
export interface SeenReport {
  readonly report: MemberReport;
  /** When it came, by the leader's monotonic clock. */
  readonly at: number;
  /** How far the other's wall clock is ahead, in milliseconds; off by half of `roundTripMs`. */
  readonly aheadMs?: number;
  readonly roundTripMs: number;
  /** It was asked since then, and has not answered. */
  readonly isSilent: boolean;
}

/** Who has not answered for so long is called silent, in milliseconds. */
const silentAfterMs = 3000;
/** Entries by which a member may lag. */
const mostBehind = 10_000;
const voterMayLagMs = 5000;
const learnerMayLagMs = 60_000;
const clockBoundMs = 1000;

/** What only the leader can see: who is silent, who lags, and who is not like the others. */
export class ClusterWatch {
  #term: number | undefined;
  /** Since when each member is looked at: since this one leads in this term, or since it came. */
  readonly #since = new Map<string, number>();
  /** Since when each member has lagged by more than it may. */
  readonly #behindSince = new Map<string, number>();

  /** Call it again and again while this member leads; `version` is its own. */
  look(
    now: number,
    picture: RaftMetrics,
    {
      version,
      reports,
    }: { readonly version: string; readonly reports: ReadonlyMap<string, SeenReport> },
  ): readonly KvAlert[] {
    const { progress, term, membership, id } = picture;
    if (term !== this.#term) {
      this.#term = term;
      this.#since.clear();
      this.#behindSince.clear();
    }
    const voters = new Set(membership.voters.flat());
    const alerts: KvAlert[] = [];
    for (const [member, one] of progress ?? []) {
      const since = this.#since.get(member) ?? now;
      this.#since.set(member, since);
      const silentMs = now - (one.lastAckAt ?? since);
      if (silentMs > silentAfterMs) {
        const message = `${member} has not answered for ${Math.round(silentMs / 1000)} s.`;
        alerts.push(alertOf('member-silent', member, message));
        this.#behindSince.delete(member);
      } else {
        alerts.push(...this.#lag(now, member, one, { isVoter: voters.has(member) }));
      }
    }
    for (const member of this.#since.keys()) {
      if (progress?.has(member) === true) continue;
      this.#since.delete(member);
      this.#behindSince.delete(member);
    }
    for (const [member, seen] of reports)
      alerts.push(...differences(member, seen, { id, version }));
    return alerts;
  }

  #lag(
    now: number,
    member: string,
    { lag, state }: FollowerProgress,
    { isVoter }: { readonly isVoter: boolean },
  ): readonly KvAlert[] {
    if (lag <= mostBehind) {
      this.#behindSince.delete(member);
      return [];
    }
    const since = this.#behindSince.get(member) ?? now;
    this.#behindSince.set(member, since);
    const forMs = now - since;
    if (forMs < (isVoter ? voterMayLagMs : learnerMayLagMs)) return [];
    const how = state === 'snapshot' ? ', and is being sent a snapshot' : '';
    const message = `${member} lacks ${lag} entries of the log, for ${Math.round(forMs / 1000)} s now${how}.`;
    return [alertOf(isVoter ? 'slow-member' : 'learner-behind', member, message)];
  }
}

function differences(
  member: string,
  { report, aheadMs, roundTripMs }: SeenReport,
  { id, version }: { readonly id: string; readonly version: string },
): readonly KvAlert[] {
  const alerts: KvAlert[] = [];
  if (report.version !== version) {
    const message = `${member} runs version ${report.version}, and the leader ${id} runs ${version}.`;
    alerts.push(alertOf('versions-differ', member, message));
  }
  // What the way there and back may account for is not the clock's.
  if (aheadMs !== undefined && Math.abs(aheadMs) - roundTripMs / 2 > clockBoundMs) {
    const way = aheadMs > 0 ? 'ahead of' : 'behind';
    const seconds = (Math.abs(aheadMs) / 1000).toFixed(1);
    const message = `The wall clock of ${member} is ${seconds} s ${way} that of the leader ${id}.`;
    alerts.push(alertOf('clock-differs', member, message));
  }
  return alerts;
}
