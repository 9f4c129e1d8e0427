import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { LogStore } from 'quorate';
import type { WalStorage } from 'quorate/storage/wal';
import { descriptorCount } from './descriptors.ts';

/** A time in which a node could not answer, and what it did. By the clock of the machine. */
export interface Stall {
  readonly kind: 'gc' | 'disk' | 'loop';
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a process holds, and what held it up since this was asked for last. */
export interface Observation {
  readonly rssMiB: number;
  /** After a full collection. */
  readonly heapMiB: number;
  readonly externalMiB: number;
  /** Open files and sockets. */
  readonly descriptors: number;
  /** What keeps the loop alive, such as timers, by kind. */
  readonly resources: Readonly<Record<string, number>>;
  readonly gcMs: number;
  readonly longestGcMs: number;
  readonly longestDiskMs: number;
  readonly loopP99Ms: number;
  readonly longestLoopMs: number;
  readonly stalls: readonly Stall[];
}

const mebibyte = 1024 * 1024;
/** Shorter ones are no reason for a tail. */
const shortestStallMs = 2;
const maxStalls = 10_000;
/** How often the loop is looked at. */
const lookMs = 5;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Watches the garbage collector, the loop and the disk of its process. */
export class NodeObserver {
  readonly #delay = monitorEventLoopDelay({ resolution: lookMs });
  #stalls: Stall[] = [];
  #gcMs = 0;
  #longestGcMs = 0;
  #longestDiskMs = 0;

  constructor() {
    this.#delay.enable();
    new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries()) {
        this.#gcMs += duration;
        this.#longestGcMs = Math.max(this.#longestGcMs, duration);
        this.#add('gc', startTime, startTime + duration);
      }
    }).observe({ entryTypes: ['gc'] });
    let expected = performance.now() + lookMs;
    const look = setInterval(() => {
      const now = performance.now();
      this.#add('loop', expected, now);
      expected = now + lookMs;
    }, lookMs);
    look.unref();
  }

  /** The same storage, whose writes to the log are timed. */
  watch(storage: WalStorage): WalStorage {
    const timed = <Result>(work: () => Promise<Result>): Promise<Result> => this.#timed(work);
    const { log } = storage;
    const watched = new Proxy(log, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        const call = (...args: unknown[]): unknown => Reflect.apply(member, target, args);
        const isTimed = name === 'append' || name === 'write';
        return isTimed ? (...args: unknown[]) => timed(async () => call(...args)) : call;
      },
    });
    return {
      log: watched satisfies LogStore,
      snapshots: storage.snapshots,
      [Symbol.asyncDispose]: () => storage[Symbol.asyncDispose](),
    };
  }

  take(): Observation {
    // A collection on demand is no stall of the load.
    const before = this.#stalls;
    const [gcMs, longestGcMs] = [this.#gcMs, this.#longestGcMs];
    collect();
    const { rss, heapUsed, external } = process.memoryUsage();
    const observation = {
      rssMiB: rss / mebibyte,
      heapMiB: heapUsed / mebibyte,
      externalMiB: external / mebibyte,
      descriptors: descriptorCount(),
      resources: countOf(process.getActiveResourcesInfo()),
      gcMs,
      longestGcMs,
      longestDiskMs: this.#longestDiskMs,
      loopP99Ms: this.#delay.percentile(99) / 1e6,
      longestLoopMs: this.#delay.max / 1e6,
      stalls: before,
    };
    this.#stalls = [];
    this.#gcMs = 0;
    this.#longestGcMs = 0;
    this.#longestDiskMs = 0;
    this.#delay.reset();
    return observation;
  }

  async #timed<Result>(work: () => Promise<Result>): Promise<Result> {
    const from = performance.now();
    const result = await work();
    const to = performance.now();
    this.#longestDiskMs = Math.max(this.#longestDiskMs, to - from);
    this.#add('disk', from, to);
    return result;
  }

  #add(kind: Stall['kind'], from: number, to: number): void {
    if (to - from < shortestStallMs || this.#stalls.length >= maxStalls) return;
    const { timeOrigin } = performance;
    this.#stalls.push({ kind, fromMs: timeOrigin + from, toMs: timeOrigin + to });
  }
}

function countOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
