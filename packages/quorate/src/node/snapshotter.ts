import type { SnapshotStore } from '../contract/snapshot-store.ts';
import { noLogId } from '../core/log-shape.ts';
import type { LogId, LogIndex, NodeId, SnapshotMeta } from '../core/types.ts';
import { StoppedError } from '../errors.ts';
import type { Runtime, Timer } from '../platform/runtime.ts';
import { buggify, mark } from '../platform/sites.ts';
import type { AppliedBatch, Applier, Frozen } from './applier.ts';
import { BuildPace } from './build-pace.ts';
import { LogMarks } from './log-marks.ts';
import type { Machine } from './machine.ts';
import type { RaftConfig } from './options.ts';

/** What the newest snapshot is, as far as the policy goes by it. */
export interface KnownSnapshot {
  readonly lastLogId: LogId;
  readonly size: number;
}

export interface SnapshotterOptions {
  readonly id: NodeId;
  readonly store: SnapshotStore;
  readonly machine: Machine;
  readonly config: RaftConfig;
  readonly runtime: Runtime;
  readonly newest: KnownSnapshot | undefined;
  /** Where the log began, and what is in it up to the last applied entry. */
  readonly purged: LogIndex;
  /** A snapshot is saved; the log up to `purgeTo` is no longer wanted. */
  readonly onBuilt: (meta: SnapshotMeta, purgeTo: LogIndex) => void;
  /** One could not be built; it is tried again later. */
  readonly onNotBuilt?: (error: unknown) => void;
}

/** A build under way. */
interface Build {
  readonly ended: Promise<LogId>;
  /** Aborted when it is given up: an install takes its place, or the node closes. */
  readonly givenUp: AbortController;
}

/** After a build that failed, the next one waits this long, and twice as long each time. */
const firstRestMs = 1000;
const longestRestMs = 60_000;

/**
 * Builds snapshots: when the policy says so and when asked, one at a time, and never while one from
 * the leader is being received or restored. A build that fails is tried again later; nothing is
 * lost by it but room on the disk.
 */
export class Snapshotter {
  readonly #options: SnapshotterOptions;
  readonly #applier: Applier;
  readonly #marks: LogMarks;
  readonly #pace: BuildPace;
  #newest: KnownSnapshot | undefined;
  /** What was applied since the newest snapshot. */
  #bytes = 0;
  #entries = 0;
  #build: Build | undefined = undefined;
  /** Installs under way, and what waits for them to end. */
  #installs = 0;
  #afterInstalls: (() => void)[] = [];
  #failures = 0;
  /** Rings when a build that failed is to be tried again. */
  #retry: Timer | undefined = undefined;
  #failure: unknown = undefined;
  #isClosed = false;

  constructor(applier: Applier, options: SnapshotterOptions) {
    this.#options = options;
    this.#applier = applier;
    this.#newest = options.newest;
    const { keepBytes, snapshotBuildBytesPerSecond } = options.config;
    this.#pace = new BuildPace(snapshotBuildBytesPerSecond, options.runtime);
    this.#marks = new LogMarks(options.purged, Math.max(4096, Math.floor(keepBytes / 16)));
  }

  /** Why the last build failed; `undefined` if none did since one succeeded. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Entries took effect, or were found in the log at a start. */
  applied({ last, count, bytes }: Pick<AppliedBatch, 'last' | 'count' | 'bytes'>): void {
    this.#marks.add(last.index, bytes);
    if (this.#build !== undefined) this.#pace.applied();
    if (last.index <= (this.#newest?.lastLogId.index ?? 0)) return;
    this.#bytes += bytes;
    this.#entries += count;
    this.#startIfDue();
  }

  /**
   * Builds one now unless the last has everything that is applied at the time of the call. Returns
   * what it covers.
   */
  async take(): Promise<LogId> {
    const wanted = this.#applier.applied.index;
    for (;;) {
      if (this.#isClosed) throw this.#closedError();
      const newest = this.#newest?.lastLogId ?? noLogId;
      if (newest.index >= wanted) return newest;
      if (this.#installs > 0) await new Promise<void>((done) => this.#afterInstalls.push(done));
      // One that is under way may have been frozen before this call; the next look will tell.
      else if (this.#build !== undefined) await this.#build.ended.catch(() => undefined);
      else {
        const build = this.#start();
        const taken = await build.ended.catch((error: unknown) => {
          // Given up for an install: that may bring as much, and if not the next build does.
          if (!build.givenUp.signal.aborted || this.#isClosed) throw error;
        });
        if (taken !== undefined) return taken;
      }
    }
  }

  /** A snapshot from the leader is coming: the build under way, if any, is given up first. */
  async beginInstall(): Promise<void> {
    this.#installs += 1;
    await this.#giveUp();
  }

  endInstall(): void {
    this.#installs -= 1;
    if (this.#installs > 0) return;
    const waiting = this.#afterInstalls;
    this.#afterInstalls = [];
    for (const done of waiting) done();
    this.#startIfDue();
  }

  /** The state is that of a snapshot from the leader. */
  restored(newest: KnownSnapshot): void {
    this.#newest = newest;
    this.#bytes = 0;
    this.#entries = 0;
    this.#marks.reset(newest.lastLogId.index);
  }

  purged(index: LogIndex): void {
    this.#marks.purged(index);
  }

  /** Begins no more, and waits until the one under way was given up. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#endRest();
    for (const done of this.#afterInstalls) done();
    await this.#giveUp();
  }

  async #giveUp(): Promise<void> {
    const build = this.#build;
    if (build === undefined) return;
    mark('snapshotter.gaveUp');
    build.givenUp.abort(givenUp());
    await build.ended.catch(() => undefined);
  }

  #startIfDue(): void {
    if (this.#build !== undefined || this.#installs > 0 || this.#isClosed) return;
    if (this.#retry !== undefined) return;
    const { config } = this.#options;
    const enough = Math.max(config.snapshotAfterBytes, this.#newest?.size ?? 0);
    const isDue = this.#bytes >= enough || this.#entries >= config.snapshotAfterEntries;
    // With nothing new in it there is none to build.
    if (!isDue && !(this.#entries > 0 && buggify('snapshotter.buildNow'))) return;
    this.#start().ended.catch(() => undefined);
  }

  #start(): Build {
    const { promise, resolve } = Promise.withResolvers<LogId>();
    const build: Build = { ended: promise, givenUp: new AbortController() };
    this.#build = build;
    resolve(this.#run(build));
    return build;
  }

  async #run(build: Build): Promise<LogId> {
    try {
      const frozen = await this.#applier.freeze();
      // What is applied from here on is not in it.
      const [bytes, entries] = [this.#bytes, this.#entries];
      const meta = await this.#save(frozen, build);
      this.#bytes -= bytes;
      this.#entries -= entries;
      this.#failures = 0;
      this.#failure = undefined;
      this.#endRest();
      const { index } = meta.lastLogId;
      const keepBytes = buggify('snapshotter.keepNothing') ? 0 : this.#options.config.keepBytes;
      const purgeTo = this.#marks.placeBefore(index, keepBytes) ?? 0;
      this.#options.onBuilt(meta, purgeTo);
      return meta.lastLogId;
    } catch (error) {
      if (!build.givenUp.signal.aborted) this.#rest(error);
      throw error;
    } finally {
      this.#build = undefined;
      // So much may have been applied meanwhile that the next one is due, and nothing more comes.
      this.#startIfDue();
    }
  }

  async #save(frozen: Frozen, build: Build): Promise<SnapshotMeta> {
    const { id, store, machine, runtime } = this.#options;
    const { lastLogId, membership } = frozen;
    const meta = { id: `${id}-${runtime.randomId()}`, lastLogId, membership };
    const pace = this.#pace;
    const { signal } = build.givenUp;
    let size = 0;
    const content = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const chunk of frozen.chunks) {
        signal.throwIfAborted();
        demandBytes(chunk);
        size += chunk.length;
        yield* pace.paced(chunk, signal);
      }
    };
    try {
      await store.save(meta, content());
    } finally {
      await frozen.close();
    }
    signal.throwIfAborted();
    await machine.flush();
    // Only now: were it known before, a flush that fails would leave it without its purge.
    this.#newest = { lastLogId, size };
    return meta;
  }

  #rest(error: unknown): void {
    mark('snapshotter.failed');
    const restMs = Math.min(longestRestMs, firstRestMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    this.#endRest();
    this.#retry = this.#options.runtime.setTimer(() => {
      this.#retry = undefined;
      this.#startIfDue();
    }, restMs);
    // What was thrown may be `undefined`, and must not pass for success.
    this.#failure = error ?? new Error('The build of the snapshot threw undefined.');
    this.#options.onNotBuilt?.(error);
  }

  #endRest(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
  }

  #closedError(): StoppedError {
    return new StoppedError(`Node ${this.#options.id} was closed.`);
  }
}

function givenUp(): StoppedError {
  return new StoppedError(
    'The snapshot was given up: one from the leader came, or the node closed.',
  );
}

/** What a state machine hands out is not checked by its types alone. */
function demandBytes(chunk: unknown): void {
  if (chunk instanceof Uint8Array) return;
  const kind = typeof chunk;
  const came =
    kind === 'object' ? Object.prototype.toString.call(chunk) : `${kind} ${String(chunk)}`;
  throw new TypeError(`The chunks of snapshot() must be of type Uint8Array; one is ${came}.`);
}
