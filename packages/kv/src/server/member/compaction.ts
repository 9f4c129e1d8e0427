import type { Revision } from '../../types.ts';
import type { Leadership } from './leadership.ts';
import { type MemberHost, messageOf } from './node.ts';
import { propose } from './proposals.ts';
import { Ticker } from './waiting.ts';

/** How much of the past can be read and watched. */
export type CompactionPolicy =
  /** The newest `keep` revisions. */
  | { readonly mode: 'revisions'; readonly keep: number }
  /**
   * What is no older than `keepMs`, but no more than `keepAtMost` revisions, since all of it is in
   * memory. Default 1,000,000.
   */
  | { readonly mode: 'time'; readonly keepMs: number; readonly keepAtMost?: number }
  /** Nothing is forgotten unless a client says so. */
  | 'off';

/** An hour; at full speed that would be more than fits into memory, so the count is bounded too. */
export const defaultCompaction: CompactionPolicy = { mode: 'time', keepMs: 3_600_000 };

const defaultKeepAtMost = 1_000_000;
/** How often the leader looks whether there is something to forget. */
const lookEveryMs = 1000;
/** Moments of the past that are known by their revision; older ones follow in this number. */
const maxSamples = 60;

/** How far a store has come, and from where on it can be read. */
interface Revisions {
  readonly revision: Revision;
  readonly compactedRevision: Revision;
}

interface Sample {
  readonly at: number;
  readonly revision: Revision;
}

/** Which revision was the newest at which time: enough to know how far `keepMs` reaches back. */
export class PastRevisions {
  readonly #keepMs: number;
  readonly #samples: Sample[] = [];

  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  /** Notes that `revision` is the newest one now. */
  see(at: number, revision: Revision): void {
    const newest = this.#samples.at(-1);
    if (newest !== undefined && at - newest.at < this.#keepMs / maxSamples) return;
    this.#samples.push({ at, revision });
    // The newest of those that are old enough is all that is asked for.
    while ((this.#samples[1]?.at ?? Infinity) <= at - this.#keepMs) this.#samples.shift();
  }

  /** The newest revision that is known to be at least `keepMs` old. */
  oldEnough(now: number): Revision | undefined {
    const [oldest] = this.#samples;
    return oldest !== undefined && now - oldest.at >= this.#keepMs ? oldest.revision : undefined;
  }
}

/**
 * Which revision to compact at now; `undefined` if it is not worth it. To forget costs an entry of
 * the log, so a tenth more than is kept gathers before.
 */
export function compactionAt(
  policy: CompactionPolicy,
  store: Revisions,
  old: Revision | undefined,
): Revision | undefined {
  if (policy === 'off') return undefined;
  const { revision, compactedRevision } = store;
  const keep = policy.mode === 'revisions' ? policy.keep : (policy.keepAtMost ?? defaultKeepAtMost);
  const history = revision - compactedRevision;
  const byCount = history > keep + Math.floor(keep / 10) ? revision - keep : 0;
  const at = Math.max(byCount, old ?? 0);
  return at > compactedRevision && at <= revision ? at : undefined;
}

/**
 * Lets the leader decide, through the log, what of the past is forgotten. Every member notes the
 * times, so that one that comes to lead knows them; after a start it begins to count anew, and
 * forgets later than it might.
 */
export class Compaction {
  readonly #host: MemberHost;
  readonly #policy: CompactionPolicy;
  readonly #store: Revisions;
  readonly #leadership: Leadership;
  readonly #past: PastRevisions | undefined;
  readonly #ticker: Ticker | undefined;
  #isProposing = false;

  constructor(
    host: MemberHost,
    {
      policy,
      store,
      leadership,
    }: {
      readonly policy: CompactionPolicy;
      readonly store: Revisions;
      readonly leadership: Leadership;
    },
  ) {
    this.#host = host;
    this.#policy = policy;
    this.#store = store;
    this.#leadership = leadership;
    if (policy === 'off') return;
    if (policy.mode === 'time') this.#past = new PastRevisions(policy.keepMs);
    this.#ticker = new Ticker(host.runtime, lookEveryMs, () => void this.#look());
  }

  close(): void {
    this.#ticker?.close();
  }

  async #look(): Promise<void> {
    const { runtime, logger, raft } = this.#host;
    const now = runtime.now();
    this.#past?.see(now, this.#store.revision);
    if (!this.#leadership.leads || this.#isProposing) return;
    const revision = compactionAt(this.#policy, this.#store, this.#past?.oldEnough(now));
    if (revision === undefined) return;
    this.#isProposing = true;
    try {
      const [result] = await propose(raft, [{ type: 'compact', revision }]);
      // Somebody else may have done it, and more.
      if (result?.type === 'compact') logger.debug({ revision }, 'compacted the past');
    } catch (error) {
      logger.debug({ revision, error: messageOf(error) }, 'could not compact; tries again');
    } finally {
      this.#isProposing = false;
    }
  }
}
