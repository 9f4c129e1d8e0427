import type { NodeId } from '../../../src/core/types.ts';
import type { Waiting } from '../../../src/node/metrics.ts';
import type { RaftConfig } from '../../../src/node/options.ts';
import type { SimMessage, SimWorld } from '../hooks.ts';
import { demand } from './violation.ts';

/** Requests of one node to another in one millisecond of the world; more is a loop. */
const maxPerLinkAndMs = 2000;
/** All requests in one second of the world. */
const maxPerSecond = 300_000;
/** Events of the world in one second of it, for each node that there is. */
const maxEventsPerSecond = 200_000;
/** Entries that may be applied while a snapshot is built, as many as come in the last phase. */
const whileBuilding = 500;
const noOffice = { calls: { size: 0 }, progress: { size: 0 } };
/** The queues are looked at once in so many events. */
const lookEvery = 64;

/** Watches that nothing grows or runs without a bound: S24. */
export class BoundsOracle {
  readonly world: SimWorld;
  readonly #config: RaftConfig;
  readonly #links = new Map<NodeId, Map<NodeId, { at: number; count: number }>>();
  #second = { at: 0, count: 0 };
  #events = 0;
  #eventsOfSecond = { at: 0, before: 0 };

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
    const at = Math.floor(now);
    const link = this.#link(from, to);
    link.count = link.at === at ? link.count + 1 : 1;
    link.at = at;
    demand(
      link.count <= maxPerLinkAndMs,
      'S24',
      () => `${from} sent ${to} ${link.count} requests in one millisecond, now ${kind}`,
    );
  }

  #link(from: NodeId, to: NodeId): { at: number; count: number } {
    let links = this.#links.get(from);
    if (links === undefined) {
      links = new Map<NodeId, { at: number; count: number }>();
      this.#links.set(from, links);
    }
    let link = links.get(to);
    if (link === undefined) links.set(to, (link = { at: -1, count: 0 }));
    return link;
  }

  settled(): void {
    this.#events += 1;
    if (this.#events % lookEvery !== 0) return;
    this.#lookAtPace();
    this.look();
  }

  #lookAtPace(): void {
    const second = Math.floor(this.world.now / 1000);
    if (second !== this.#eventsOfSecond.at) {
      this.#eventsOfSecond = { at: second, before: this.#events };
    }
    const count = this.#events - this.#eventsOfSecond.before;
    demand(
      count <= maxEventsPerSecond * this.world.nodes.size,
      'S24',
      () => `there are ${count} events in second ${second}`,
    );
  }

  /** Looks at every queue that has a bound. */
  look(): void {
    const { maxInflightAppends, electionTimeoutMs, heartbeatMs } = this.#config;
    const heartbeats = Math.ceil(electionTimeoutMs.max / heartbeatMs) + 1;
    // Calls from before a step back are on the books still, until they end in their own time.
    const callsToEach = 8 * (maxInflightAppends + heartbeats) + 8;
    for (const { id, raft, isUp, state } of this.world.nodes.values()) {
      if (!isUp || raft === undefined) continue;
      const { waiting, sessions, isRunning } = raft.metrics;
      if (!isRunning) continue;
      const { calls, progress } = state?.leadership ?? noOffice;
      const { maxPendingWrites, maxPendingBytes, maxWaitingCalls, maxSessions } = this.#config;
      const lengths = [
        ['writes', waiting.writes, maxPendingWrites],
        ['bytes of writes', waiting.writeBytes, maxPendingBytes],
        ['reads', waiting.reads, maxWaitingCalls],
        ['requests', waiting.requests, maxWaitingCalls],
        ['sessions', sessions.open, maxSessions],
        ['calls of a leader', calls.size, callsToEach * progress.size],
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

  /** Whether each of them has built the snapshots that were due. */
  hasShortLogs(ids: readonly NodeId[]): boolean {
    return ids.every((id) => this.#isShort(id));
  }

  /** Logs do not grow without an end while their nodes are well. */
  checkLogs(ids: readonly NodeId[]): void {
    for (const id of ids) {
      demand(this.#isShort(id), 'S24', () => {
        const { applied, snapshot } = this.world.nodes.get(id)?.raft?.metrics ?? {};
        return `${id} has applied ${applied?.index} entries, and its snapshot ends at ${snapshot?.index}`;
      });
    }
  }

  #isShort(id: NodeId): boolean {
    const { raft, isUp } = this.world.nodes.get(id) ?? {};
    if (raft === undefined || isUp !== true) return true;
    const { applied, snapshot, snapshotFailure } = raft.metrics;
    // One that could not build a snapshot rests for a while, and says so.
    if (snapshotFailure !== undefined) return true;
    return applied.index - snapshot.index <= this.#config.snapshotAfterEntries + whileBuilding;
  }

  #waitingOn(id: NodeId): Waiting | undefined {
    const view = this.world.nodes.get(id);
    return view?.isUp === true ? view.raft?.metrics.waiting : undefined;
  }
}
