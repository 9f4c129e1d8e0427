import type { IdentifyResponse } from '../contract/network.ts';
import type { MembershipChange } from '../core/event.ts';
import { isJoint } from '../core/membership.ts';
import type { CoreState } from '../core/state.ts';
import type { EffectiveMembership, Identity, NodeId, NodeInfo } from '../core/types.ts';
import type { Runtime, Timer } from '../platform/runtime.ts';

export interface IncarnationsHost {
  readonly state: () => Readonly<CoreState>;
  readonly identity: () => Identity;
  readonly runtime: Runtime;
  /** How long a node that did not answer is left alone. */
  readonly retryMs: number;
  readonly identify: (id: NodeId, info: NodeInfo) => Promise<IdentifyResponse>;
  /** Resolves once the change is committed. */
  readonly change: (change: MembershipChange) => Promise<unknown>;
}

/**
 * Lets the leader find out with which disk each member takes part, where the membership does not
 * say so yet: that member was out of reach when it was added.
 */
export class Incarnations {
  readonly #host: IncarnationsHost;
  #looked: EffectiveMembership | undefined = undefined;
  #missing: readonly NodeId[] = [];
  #retry: Timer | undefined = undefined;
  #work: Promise<void> | undefined = undefined;
  #changing: Promise<void> | undefined = undefined;
  #isClosed = false;

  constructor(host: IncarnationsHost) {
    this.#host = host;
  }

  /** Call it after every step. */
  follow(state: Readonly<CoreState>): void {
    if (state.leadership === undefined) {
      this.#looked = undefined;
      this.#retry?.cancel();
      this.#retry = undefined;
      return;
    }
    if (this.#looked !== state.membership) {
      this.#looked = state.membership;
      const nodes = Object.entries(state.membership.nodes);
      this.#missing = nodes.filter(([, info]) => info.incarnation === undefined).map(([id]) => id);
    }
    if (this.#missing.length === 0 || this.#retry !== undefined || !canChange(state)) return;
    this.#work ??= this.#fillAll().finally(() => {
      this.#work = undefined;
    });
  }

  /** Resolves when the change has ended that is under way and that nobody has asked for. */
  get changing(): Promise<void> | undefined {
    return this.#changing;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#retry?.cancel();
    await this.#work;
  }

  async #fillAll(): Promise<void> {
    for (const id of this.#missing) {
      try {
        await this.#fill(id);
      } catch {
        // Out of reach, or something else is changing: tried again, here or by another leader.
      }
    }
    if (this.#isClosed || this.#host.state().leadership === undefined) return;
    this.#retry = this.#host.runtime.setTimer(() => {
      this.#retry = undefined;
      this.follow(this.#host.state());
    }, this.#host.retryMs);
  }

  async #fill(id: NodeId): Promise<void> {
    const incarnation = await this.#incarnationOf(id);
    const state = this.#host.state();
    const { [id]: known } = state.membership.nodes;
    const isMissing = known !== undefined && known.incarnation === undefined;
    if (incarnation === undefined || !isMissing || !canChange(state) || this.#isClosed) return;
    const change = { type: 'updateNode', id, info: { ...known, incarnation } } as const;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#changing = promise;
    try {
      await this.#host.change(change);
    } finally {
      this.#changing = undefined;
      resolve();
    }
  }

  async #incarnationOf(id: NodeId): Promise<string | undefined> {
    const own = this.#host.identity();
    if (id === own.node) return own.incarnation;
    const info = this.#host.state().membership.nodes[id];
    if (info === undefined) return undefined;
    const { identity } = await this.#host.identify(id, info);
    const isOurs = identity.cluster === undefined || identity.cluster === own.cluster;
    return identity.node === id && isOurs ? identity.incarnation : undefined;
  }
}

function canChange({
  leadership,
  membership,
  committed,
  hasCommittedInTerm,
}: Readonly<CoreState>): boolean {
  if (leadership === undefined || leadership.transfer !== undefined) return false;
  return hasCommittedInTerm && !isJoint(membership) && membership.logId.index <= committed;
}
