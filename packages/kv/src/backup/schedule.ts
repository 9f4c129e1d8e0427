import type { Logger, Runtime, Timer } from 'quorate';
import type { BackupHead } from './format.ts';
import { nameOf, shortCluster } from './names.ts';
import { pacedChunks } from './pace.ts';
import { type BackupPlace, newestFirst, type StoredBackup } from './places/place.ts';
import type { VerifiedBackup } from './verify.ts';

export interface BackupPolicy {
  readonly everyMs: number;
  /** How many verified ones are kept. */
  readonly keep: number;
  /**
   * `each`: this member makes its own, and removes its own. `leader`: whoever leads makes them for
   * all, in a place that all share.
   */
  readonly by: 'each' | 'leader';
}

/** A backup that is about to be read out of this member. */
export interface BackupSource {
  readonly head: Pick<BackupHead, 'cluster' | 'member' | 'createdAt' | 'revision'>;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface BackupsOptions {
  readonly policy: BackupPolicy;
  readonly place: BackupPlace;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly member: string;
  /** The wall clock, in milliseconds: how old is what another process has left there? */
  readonly wallClock: () => number;
  /** The id of the cluster once it is known, and whether this member leads it. */
  readonly look: () => { readonly cluster: string | undefined; readonly leads: boolean };
  /** Freezes the state now. */
  readonly freeze: (signal: AbortSignal) => Promise<BackupSource>;
  /** How fast a backup is read back. */
  readonly bytesPerSecond: number;
  /** Backups fail, or do so no more. */
  readonly report: (problem: string | undefined) => void;
}

/** How it goes, for metrics. */
export interface BackupFigures {
  readonly made: number;
  readonly failures: number;
  /** When the newest one was made, by the wall clock; `undefined` if there is none. */
  readonly lastAt: number | undefined;
  readonly lastRevision: number;
  readonly lastBytes: number;
  readonly lastDurationMs: number;
}

/** A member that could not say yet how old the newest one is, or failed, asks again so soon. */
const shortestRetryMs = 1000;
const longestRetryMs = 5 * 60_000;
/** In `leader` mode, followers look so often whether they lead now. */
const lookEveryMs = 5000;

/**
 * Makes a backup of this member again and again: at once if the newest one in the place is too old,
 * as after a restart, and then each time that it is. One that fails is told of and tried again; old
 * ones are removed only behind a new one that was read back and verified.
 */
export class Backups {
  readonly #options: BackupsOptions;
  readonly #ending = new AbortController();
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #failed = 0;
  /** The newest one of the place, and since when it has been that, by the runtime. */
  #seen: { readonly name: string; readonly at: number } | undefined;
  #figures: BackupFigures = {
    made: 0,
    failures: 0,
    lastAt: undefined,
    lastRevision: 0,
    lastBytes: 0,
    lastDurationMs: 0,
  };

  constructor(options: BackupsOptions) {
    this.#options = options;
    // Members that were started together do not all begin at the same moment.
    this.#arm(options.runtime.random() * Math.min(shortestRetryMs, options.policy.everyMs));
  }

  get figures(): BackupFigures {
    return this.#figures;
  }

  /** Gives up what is under way, and leaves nothing of it. */
  async close(): Promise<void> {
    this.#ending.abort(new Error('The member is stopping.'));
    this.#timer?.cancel();
    await this.#running;
    await this.#options.place[Symbol.asyncDispose]();
  }

  #arm(ms: number): void {
    this.#timer = this.#options.runtime.setTimer(() => {
      this.#running = this.#turn().then((nextMs) => {
        this.#running = undefined;
        if (!this.#ending.signal.aborted) this.#arm(nextMs);
      });
    }, ms);
  }

  /** Does what is due, and returns after how long to look again. Never rejects. */
  async #turn(): Promise<number> {
    const { policy, look, logger, report, place } = this.#options;
    const { cluster, leads } = look();
    if (cluster === undefined) return shortestRetryMs;
    if (policy.by === 'leader' && !leads) {
      // What failed here is another member's to do now.
      this.#succeeded();
      return Math.min(lookEveryMs, policy.everyMs);
    }
    try {
      const dueMs = await this.#dueMs(cluster);
      if (dueMs > 0) return dueMs;
      await this.#make(cluster);
      this.#succeeded();
      return policy.everyMs;
    } catch (error) {
      if (this.#ending.signal.aborted) return shortestRetryMs;
      const reason = error instanceof Error ? error.message : String(error);
      this.#failed += 1;
      this.#figures = { ...this.#figures, failures: this.#figures.failures + 1 };
      const text = `The backup into ${place.title} has failed: ${reason}`;
      // Whoever is told writes it down, once.
      logger.debug({ failures: this.#failed }, text);
      report(text);
      const retryMs = Math.min(shortestRetryMs * 2 ** Math.min(this.#failed, 20), longestRetryMs);
      return Math.min(retryMs, policy.everyMs);
    }
  }

  /** After how long the next one is due; 0 or less: now. */
  async #dueMs(cluster: string): Promise<number> {
    const { policy, runtime, wallClock } = this.#options;
    const [newest] = await this.#mine(cluster);
    if (newest === undefined) return 0;
    // One that an earlier process has made counts as well.
    if (this.#figures.lastAt === undefined) {
      const { at, bytes: lastBytes, revision: lastRevision } = newest;
      this.#figures = { ...this.#figures, lastAt: at.getTime(), lastBytes, lastRevision };
    }
    const now = runtime.now();
    if (this.#seen?.name !== newest.name) this.#seen = { name: newest.name, at: now };
    // To a clock that was set back it may look young for years: it is as old at least as it has
    // been seen here.
    return policy.everyMs - Math.max(wallClock() - newest.at.getTime(), now - this.#seen.at);
  }

  async #make(cluster: string): Promise<void> {
    const { freeze, place, runtime, logger, wallClock, bytesPerSecond } = this.#options;
    const { signal } = this.#ending;
    const began = runtime.now();
    const { head, chunks } = await freeze(signal);
    const name = nameOf(head);
    const verified = await place.save(name, chunks, {
      signal,
      readBack: (stored) => pacedChunks(stored, bytesPerSecond, { runtime, signal }),
    });
    const durationMs = runtime.now() - began;
    this.#note(verified, { durationMs, at: wallClock() });
    const { revision } = verified.head;
    const { bytes } = verified.whole;
    logger.info(
      { file: name, place: place.title, revision, bytes, ms: Math.round(durationMs) },
      'made and verified a backup',
    );
    await this.#prune(cluster, name);
  }

  /** What is too old goes, the oldest first; never the one that was made and verified just now. */
  async #prune(cluster: string, made: string): Promise<void> {
    const { policy, place, logger } = this.#options;
    const { signal } = this.#ending;
    const others = (await this.#mine(cluster)).filter(({ name }) => name !== made);
    for (const { name } of others.slice(policy.keep - 1).toReversed()) {
      await place.remove(name, { signal });
      logger.debug({ file: name }, 'removed an old backup');
    }
  }

  /** Those that this member answers for, the newest first. */
  async #mine(cluster: string): Promise<readonly StoredBackup[]> {
    const { policy, place, member } = this.#options;
    const all = await place.list({ signal: this.#ending.signal });
    return all
      .filter((one) => one.cluster === shortCluster(cluster))
      .filter((one) => policy.by === 'leader' || one.member === member)
      .sort(laterFirst);
  }

  #note(
    { head, whole }: VerifiedBackup,
    { durationMs, at }: { readonly durationMs: number; readonly at: number },
  ): void {
    this.#figures = {
      ...this.#figures,
      made: this.#figures.made + 1,
      lastAt: at,
      lastRevision: head.revision,
      lastBytes: whole.bytes,
      lastDurationMs: durationMs,
    };
  }

  #succeeded(): void {
    if (this.#failed === 0) return;
    this.#failed = 0;
    this.#options.report(undefined);
  }
}

/** Of one cluster: its revisions never go back, and clocks do. */
function laterFirst(one: StoredBackup, other: StoredBackup): number {
  return other.revision - one.revision || newestFirst(one, other);
}
