import type { NodeId } from '../../../src/core/types.ts';
import type { Waiting } from '../../../src/node/metrics.ts';
import type { RaftConfig } from '../../../src/node/options.ts';
import type { SimMessage, SimWorld } from '../hooks.ts';
import { demand } from './violation.ts';

/** Requests of one node to another in one millisecond of the world; more is a loop. */
const maxPerLinkAndMs = 2000;
/** All requests in one second of the world. */
const maxPerSecond = 300_000;
/** The queues are looked at once in so many events. */
const lookEvery = 64;

/** Watches that nothing grows or runs without a bound: S24. */
export class BoundsOracle {
  readonly world: SimWorld;
  readonly #config: RaftConfig;
  readonly #links = new Map<string, { at: number; count: number }>();
  #second = { at: 0, count: 0 };
  #events = 0;

  constructor(world: SimWorld, config: RaftConfig) {
    this.world = world;
    this.#config = config;
  }

  onSent({ from, to, kind }: SimMessage): void {
    const now = this.world.now;
    const second = Math.floor(now / 1000);
    if (second !== this.#second.at) this.#second = { at: second, count: 0 };
    this.#second.count += 1;
    demand(
      this.#second.count <= maxPerSecond,
      'S24',
      () => `more than ${maxPerSecond} requests in second ${second}`,
    );
    const key = `${from} ${to}`;
    const at = Math.floor(now);
    const link = this.#links.get(key);
    if (link === undefined || link.at !== at) {
      this.#links.set(key, { at, count: 1 });
      return;
    }
    link.count += 1;
    demand(
      link.count <= maxPerLinkAndMs,
      'S24',
      () => `${from} sent ${to} ${link.count} requests in one millisecond, now ${kind}`,
    );
  }

  settled(): void {
    this.#events += 1;
    if (this.#events % lookEvery === 0) this.look();
  }

  /** Looks at every queue that has a bound. */
  look(): void {
    for (const { id, raft, isUp } of this.world.nodes.values()) {
      if (!isUp || raft === undefined) continue;
      const { waiting, sessions, isRunning } = raft.metrics;
      if (!isRunning) continue;
      const { maxPendingWrites, maxPendingBytes, maxWaitingCalls, maxSessions } = this.#config;
      const lengths = [
        ['writes', waiting.writes, maxPendingWrites],
        ['bytes of writes', waiting.writeBytes, maxPendingBytes],
        ['reads', waiting.reads, maxWaitingCalls],
        ['requests', waiting.requests, maxWaitingCalls],
        ['sessions', sessions.open, maxSessions],
      ] as const;
      for (const [what, length, bound] of lengths) {
        demand(length <= bound, 'S24', () => `${id} has ${length} ${what}, of ${bound} at most`);
      }
    }
  }

  isIdle(ids: readonly NodeId[]): boolean {
    return ids.every((id) => {
      const { writes = 0, reads = 0 } = this.#waitingOn(id) ?? {};
      return writes === 0 && reads === 0;
    });
  }

  /** Once every call has its answer, nothing waits anywhere. */
  checkIdle(ids: readonly NodeId[]): void {
    for (const id of ids) {
      const { writes = 0, reads = 0 } = this.#waitingOn(id) ?? {};
      demand(
        writes === 0 && reads === 0,
        'E9',
        () => `${id} still has ${writes} writes and ${reads} reads when all clients have ended`,
      );
    }
  }

  #waitingOn(id: NodeId): Waiting | undefined {
    const view = this.world.nodes.get(id);
    return view?.isUp === true ? view.raft?.metrics.waiting : undefined;
  }
}
