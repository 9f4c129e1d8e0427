import type { RaftMetrics, Runtime } from 'quorate';
import { KvError } from '../../errors.ts';
import { errorOf } from '../../protocol/failures.ts';
import type { MemberCalls } from '../member/member-calls.ts';
import type { SeenReport } from './cluster-watch.ts';
import { type LeaderNews, type MemberReport, readNews, readReport } from './member-reports.ts';

export interface ExchangeOptions {
  readonly runtime: Pick<Runtime, 'now'>;
  readonly calls: Pick<MemberCalls, 'ask'>;
  /** How often the leader asks, in milliseconds, unless it has reason to ask more often. */
  readonly everyMs: number;
  /** The time of day, in milliseconds, if there is a clock for that. */
  readonly wallClock: (() => number) | undefined;
  /** How this member is. */
  readonly ownReport: () => MemberReport;
  /** Another member has said how it is. */
  readonly onReport: () => void;
}

/** What was told longer ago, in milliseconds, counts no more. */
const staleMs = 5000;
/** Of who does not answer any more, the last report counts for as long as so many take. */
const keptReports = 3;

/**
 * Carries what members tell each other of themselves: the leader asks each of them once in a while,
 * with its own news in the question. One question is under way to each at a time.
 */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #reports = new Map<string, SeenReport>();
  /** Who has not answered yet, and what there is to tell it after that. */
  readonly #asked = new Map<string, LeaderNews | undefined>();
  #news: { readonly news: LeaderNews; readonly at: number } | undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  /** What the others have said lately; of one that does not answer just now, what it said last. */
  get reports(): ReadonlyMap<string, SeenReport> {
    const now = this.#options.runtime.now();
    const keptMs = Math.min(keptReports * this.#options.everyMs, staleMs);
    for (const [member, { at, isSilent }] of this.#reports) {
      if (now - at > (isSilent ? keptMs : staleMs)) this.#reports.delete(member);
    }
    return this.#reports;
  }

  /** What the leader has said lately, if one has. */
  get news(): LeaderNews | undefined {
    if (this.#news === undefined) return undefined;
    const { news, at } = this.#news;
    return this.#options.runtime.now() - at > staleMs ? undefined : news;
  }

  /** Asks each of the members how it is, and tells it the news. Never fails. */
  ask(members: readonly string[], news: LeaderNews): void {
    for (const member of members) {
      if (this.#asked.has(member)) this.#asked.set(member, news);
      else void this.#askOne(member, news);
    }
  }

  /**
   * The leader asks. What another one says than this member knows just now is not believed: it may
   * be late, or early.
   *
   * @throws {KvError} `KV_INVALID` if that is no question.
   */
  hear(params: unknown, known: Pick<RaftMetrics, 'term' | 'leader'>): MemberReport {
    const news = readNews(params);
    if (news.term === known.term && news.leader === known.leader) {
      this.#news = { news, at: this.#options.runtime.now() };
    }
    return this.#options.ownReport();
  }

  async #askOne(member: string, news: LeaderNews): Promise<void> {
    const { calls, runtime, wallClock, onReport } = this.#options;
    this.#asked.set(member, undefined);
    let isAnswered = false;
    try {
      const askedAt = runtime.now();
      const report = readReport(await calls.ask(member, 'report', news));
      isAnswered = true;
      const at = runtime.now();
      const roundTripMs = at - askedAt;
      const own = wallClock?.();
      const aheadMs =
        own === undefined || report.wallMs === undefined
          ? {}
          : { aheadMs: report.wallMs - (own - roundTripMs / 2) };
      this.#reports.set(member, { report, at, roundTripMs, isSilent: false, ...aheadMs });
      onReport();
    } catch (error) {
      this.#noteFailure(member);
      // A version that does not know the question: there is no more to be had from it.
      if (isUnknown(error)) this.#noteOld(member);
    } finally {
      const next = this.#asked.get(member);
      this.#asked.delete(member);
      if (next !== undefined && isAnswered) void this.#askOne(member, next);
    }
  }

  /** A report that is lost must not open the gate to a disk that was low a moment ago. */
  #noteFailure(member: string): void {
    const seen = this.#reports.get(member);
    if (seen === undefined) return;
    this.#reports.set(member, { ...seen, isSilent: true });
  }

  #noteOld(member: string): void {
    const report = { version: 'older', alerts: [] };
    const at = this.#options.runtime.now();
    this.#reports.set(member, { report, at, roundTripMs: 0, isSilent: false });
  }
}

function isUnknown(error: unknown): boolean {
  const { code, message } = error instanceof KvError ? error : errorOf(error);
  return code === 'KV_INVALID' && message.includes('method');
}
