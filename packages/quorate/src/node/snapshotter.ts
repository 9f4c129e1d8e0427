import type { SnapshotStore } from '../contract/snapshot-store.ts';
import { noLogId } from '../core/log-shape.ts';
import type { LogId, LogIndex, NodeId, SnapshotMeta } from '../core/types.ts';
import { StoppedError } from '../errors.ts';
import type { Runtime } from '../platform/runtime.ts';
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
}

/** A build under way. */
interface Build {
  readonly ended: Promise<LogId>;
  /** It is given up: an install takes its place, or the node closes. */
  isCancelled: boolean;
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
  #restUntil = -Infinity;
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

  /** Why the last build failed; `undefined` once one succeeded. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Entries took effect, or were found in the log at a start. */
  applied({ last, bytes }: Pick<AppliedBatch, 'last' | 'bytes'>, count: number): void {
    this.#marks.add(last.index, bytes);
    if (this.#build !== undefined) this.#pace.applied();
    if (last.index <= (this.#newest?.lastLogId.index ?? 0)) return;
    this.#bytes += bytes;
    this.#entries += count;
    if (this.#isDue()) this.#start().ended.catch(() => undefined);
  }

  /** Builds one now unless nothing happened since the last. Returns what it covers. */
  async take(): Promise<LogId> {
    for (;;) {
      if (this.#isClosed) throw this.#closedError();
      const { applied } = this.#applier;
      const newest = this.#newest?.lastLogId ?? noLogId;
      if (newest.index >= applied.index) return newest;
      if (this.#installs > 0) await new Promise<void>((done) => this.#afterInstalls.push(done));
      // One that is under way may have been frozen before this call; the next look will tell.
      else if (this.#build !== undefined) await this.#build.ended.catch(() => undefined);
      else {
        const build = this.#start();
        const taken = await build.ended.catch((error: unknown) => {
          // Given up for an install: that may bring as much, and if not the next build does.
          if (!build.isCancelled || this.#isClosed) throw error;
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
    for (const done of this.#afterInstalls) done();
    await this.#giveUp();
  }

  async #giveUp(): Promise<void> {
    const build = this.#build;
    if (build === undefined) return;
    build.isCancelled = true;
    await build.ended.catch(() => undefined);
  }

  #isDue(): boolean {
    if (this.#build !== undefined || this.#installs > 0 || this.#isClosed) return false;
    const { config, runtime } = this.#options;
    const enough = Math.max(config.snapshotAfterBytes, this.#newest?.size ?? 0);
    if (this.#bytes < enough && this.#entries < config.snapshotAfterEntries) return false;
    return runtime.now() >= this.#restUntil;
  }

  #start(): Build {
    const { promise, resolve } = Promise.withResolvers<LogId>();
    const build: Build = { ended: promise, isCancelled: false };
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
      this.#restUntil = -Infinity;
      const { index } = meta.lastLogId;
      const purgeTo = this.#marks.placeBefore(index, this.#options.config.keepBytes) ?? 0;
      this.#options.onBuilt(meta, purgeTo);
      return meta.lastLogId;
    } catch (error) {
      if (!build.isCancelled) this.#rest(error);
      throw error;
    } finally {
      this.#build = undefined;
    }
  }

  async #save(frozen: Frozen, build: Build): Promise<SnapshotMeta> {
    const { id, store, machine, runtime } = this.#options;
    const { lastLogId, membership } = frozen;
    const meta = { id: `${id}-${runtime.randomId()}`, lastLogId, membership };
    const pace = this.#pace;
    let size = 0;
    const content = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const chunk of frozen.chunks) {
        if (build.isCancelled) throw givenUp();
        demandBytes(chunk);
        size += chunk.length;
        for await (const piece of pace.paced(chunk)) {
          if (build.isCancelled) throw givenUp();
          yield piece;
        }
      }
    };
    try {
      await store.save(meta, content());
    } finally {
      await frozen.close();
    }
    if (build.isCancelled) throw givenUp();
    await machine.flush();
    // Only now: were it known before, a flush that fails would leave it without its purge.
    this.#newest = { lastLogId, size };
    return meta;
  }

  #rest(error: unknown): void {
    const restMs = Math.min(longestRestMs, firstRestMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    this.#restUntil = this.#options.runtime.now() + restMs;
    this.#failure = error;
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
  throw new TypeError(
    `The chunks of snapshot() must be of type Uint8Array; one is ${typeof chunk === 'object' ? Object.prototype.toString.call(chunk) : `${typeof chunk} ${String(chunk)}`}.`,
  );
}
