import type { IdentifyResponse, Remembered } from '../contract/network.ts';
import { isMember, isVoter } from '../core/membership.ts';
import { jointQuorumValue } from '../core/quorum.ts';
import type { CoreState } from '../core/state.ts';
import type { Identity, NodeId, NodeInfo } from '../core/types.ts';
import { RememberedNodes } from './remembered.ts';

export interface GuardHost {
  readonly state: () => Readonly<CoreState>;
  readonly identity: () => Identity;
  readonly now: () => number;
  readonly electionTimeoutMs: { readonly min: number; readonly max: number };
  /** Asks a member who it is and what it knows of this node; ends within the time of a call. */
  readonly identify: (id: NodeId, info: NodeInfo) => Promise<IdentifyResponse>;
  /** Resolves when `ended` does, or after `ms`, whatever comes first. */
  readonly within: (ms: number, ended: Promise<void>) => Promise<void>;
  /** From now on this node must not be counted on by anybody. */
  readonly quarantine: (reason: string) => void;
  /** `reason` is another one. */
  readonly changed: () => void;
}

/**
 * Finds out whether this node's disk is what the others take it for. A disk that was wiped, or an
 * old copy, has forgotten votes and entries that others rely on; a node that was removed would
 * campaign for ever. Such a node goes into quarantine until it ends, and says why.
 *
 * It asks the other members at its start, within the time in which it votes for nobody; whom it did
 * not reach it asks when it hears from them; and all again when it finds no leader for long. Until
 * a node has answered, no vote passes between the two.
 */
export class IdentityGuard {
  readonly #host: GuardHost;
  readonly #remembered = new RememberedNodes();
  #reason: string | undefined = undefined;
  /** A cluster means another disk by this name; what this one has promised there, nobody knows. */
  #suspicion: { readonly cluster: string; readonly reason: string } | undefined = undefined;
  /** Who has answered since the start. */
  readonly #answered = new Set<NodeId>();
  /** Questions under way; they resolve also when they fail. */
  readonly #questions = new Map<NodeId, Promise<void>>();
  /** Those that a vote waits for. A question may go on for longer: it counts whenever it ends. */
  readonly #asking = new Map<NodeId, Promise<void>>();
  /** Who did not answer, and until when it is left alone. */
  readonly #restUntil = new Map<NodeId, number>();
  #leaderlessSince: number | undefined = undefined;

  constructor(host: GuardHost) {
    this.#host = host;
  }

  /** Why this node is in quarantine, and what to do. */
  get reason(): string | undefined {
    return this.#reason ?? this.#standing?.reason;
  }

  /** A suspicion, as long as this node may still come to belong to that cluster. */
  get #standing(): { readonly reason: string } | undefined {
    const { cluster } = this.#host.identity();
    return (cluster ?? this.#suspicion?.cluster) === this.#suspicion?.cluster
      ? this.#suspicion
      : undefined;
  }

  /** Asks every other member. */
  askAll(): void {
    const { membership, id: self } = this.#host.state();
    for (const [id, info] of Object.entries(membership.nodes)) {
      if (id !== self) void this.#ask(id, info);
    }
  }

  /** A member called. */
  heard({ node, cluster }: Identity): void {
    if (this.#answered.has(node) || this.#reason !== undefined) return;
    if (cluster === undefined || cluster !== this.#host.identity().cluster) return;
    const info = this.#host.state().membership.nodes[node];
    if (info !== undefined && !this.#isResting(node)) void this.#ask(node, info);
  }

  /**
   * To be asked before this node votes for `id`, and before it asks `id` for a vote. Returns
   * `undefined` if the vote may count at once, or else whether it may count as soon as that is
   * known, within the shortest election timeout: `id` must have said since the start of this
   * process what it remembers of this node, and unless a majority has, every member that was not
   * just tried in vain is asked once more and given that time.
   *
   * A candidate that is not in the membership here cannot be asked, and is not: the change that
   * added it may be what this node lacks, and its vote what the candidate needs to bring it.
   */
  beforeVote(id: NodeId): Promise<boolean> | undefined {
    // What is in quarantine is refused by the core, which knows the term to answer.
    if (this.#reason !== undefined) return undefined;
    const open = this.#unansweredBefore(id);
    return open.length === 0 ? undefined : this.#settle(id, open);
  }

  /** Another node asks what is known of it here. */
  met(from: Identity): Remembered | undefined {
    const { cluster } = this.#host.identity();
    if (cluster === undefined || (from.cluster ?? cluster) !== cluster) return undefined;
    return this.#remembered.meet(from, this.#host.state());
  }

  /** A call came for this name, and for a disk with another incarnation. */
  meantOther({ cluster, node }: Identity, wanted: string): void {
    const own = this.#host.identity();
    if (cluster === undefined || cluster !== (own.cluster ?? cluster)) return;
    const reason = otherDisk(own, { by: node, wanted });
    if (own.cluster === cluster) this.#quarantine(reason);
    else if (this.#suspicion === undefined) {
      this.#suspicion = { cluster, reason };
      this.#host.changed();
    }
  }

  /** Why nothing from a node of `cluster` may count on this one. */
  suspicionIn(cluster: string): string | undefined {
    return this.#suspicion?.cluster === cluster ? this.#suspicion.reason : undefined;
  }

  /** Call it after every step. */
  follow(state: Readonly<CoreState>): void {
    this.#remembered.follow(state);
    const isIn = this.#suspicion?.cluster === this.#host.identity().cluster;
    if (this.#suspicion !== undefined && isIn) this.#quarantine(this.#suspicion.reason);
    if (state.leader !== undefined || !state.isVoter || this.#reason !== undefined) {
      this.#leaderlessSince = undefined;
      return;
    }
    const now = this.#host.now();
    this.#leaderlessSince ??= now;
    if (now - this.#leaderlessSince <= this.#host.electionTimeoutMs.max) return;
    // Maybe the others have a leader, and this node is not among them any more.
    this.#leaderlessSince = now;
    this.askAll();
  }

  /** Whom to ask, and to wait for, before a vote that `id` gives or gets. */
  #unansweredBefore(id: NodeId): [NodeId, NodeInfo][] {
    const { membership, id: self } = this.#host.state();
    const hasAnswered = (one: NodeId): boolean => one === self || this.#answered.has(one);
    const answered = jointQuorumValue(membership.voters, (one) => (hasAnswered(one) ? 1 : 0));
    const isWanted = (one: NodeId): boolean =>
      one === id || (answered !== 1 && (this.#asking.has(one) || !this.#isResting(one)));
    return Object.entries(membership.nodes).filter(([one]) => !hasAnswered(one) && isWanted(one));
  }

  async #settle(id: NodeId, open: readonly [NodeId, NodeInfo][]): Promise<boolean> {
    await Promise.all(open.map(([one, info]) => this.#ask(one, info)));
    if (this.#reason !== undefined) return false;
    return this.#answered.has(id) || this.#host.state().membership.nodes[id] === undefined;
  }

  #isResting(id: NodeId): boolean {
    return this.#host.now() < (this.#restUntil.get(id) ?? -Infinity);
  }

  /**
   * Resolves when the question has ended, one way or the other, or after the shortest election
   * timeout: no campaign is shorter than that. The next vote does not wait for it anew.
   */
  #ask(id: NodeId, info: NodeInfo): Promise<void> {
    if (this.#reason !== undefined) return Promise.resolve();
    const known = this.#asking.get(id);
    if (known !== undefined) return known;
    const { within, now, electionTimeoutMs } = this.#host;
    const question = this.#questions.get(id) ?? this.#put(id, info);
    const asked = within(electionTimeoutMs.min, question).then(() => {
      this.#asking.delete(id);
      if (!this.#answered.has(id)) this.#restUntil.set(id, now() + electionTimeoutMs.min);
    });
    this.#asking.set(id, asked);
    return asked;
  }

  #put(id: NodeId, info: NodeInfo): Promise<void> {
    const question = this.#host.identify(id, info).then(
      (answer) => {
        this.#questions.delete(id);
        // Whom this node remembers more of than it does itself counts for nothing here.
        if (answer.identity.node !== id || this.#remembered.isOld(answer.identity)) return;
        this.#answered.add(id);
        this.#judge(id, answer);
      },
      () => {
        this.#questions.delete(id);
      },
    );
    this.#questions.set(id, question);
    return question;
  }

  #judge(by: NodeId, { identity, remembers, membership }: IdentifyResponse): void {
    const own = this.#host.identity();
    if (own.cluster === undefined || identity.cluster !== own.cluster) return;
    const state = this.#host.state();
    const reason = remembers && faultOf(own, state, { ...remembers, by });
    if (reason !== undefined) this.#quarantine(reason);
    if (membership === undefined || membership.cluster !== own.cluster) return;
    // A newer membership without this name: names do not come back, so it stays so.
    const isNewer = membership.logId.index > state.membership.logId.index;
    const wasIn = isVoter(state.membership, own.node);
    if (isNewer && wasIn && !isMember(membership, own.node)) {
      this.#quarantine(
        `Node ${own.node} was removed from the cluster by entry ${membership.logId.index} or before; node ${by} says so. Close it; to add a node again, start one under a new name.`,
      );
    }
  }

  #quarantine(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#host.quarantine(reason);
  }
}

function faultOf(
  own: Identity,
  { last }: Readonly<CoreState>,
  { by, incarnation, starts, acknowledged }: Remembered & { readonly by: NodeId },
): string | undefined {
  if (incarnation !== own.incarnation) return otherDisk(own, { by, wanted: incarnation });
  if (starts >= own.starts) {
    return `Node ${own.node} runs on an old copy of its disk: it has counted ${own.starts} starts, and node ${by} knows of ${starts}. ${whatToDo(own)}`;
  }
  if (acknowledged > last.index) {
    return `The disk of node ${own.node} has lost entries: its log ends at ${last.index}, and it has acknowledged ${acknowledged} to node ${by}. ${whatToDo(own)}`;
  }
  return undefined;
}

function otherDisk(own: Identity, { by, wanted }: { by: NodeId; wanted: string }): string {
  return `Node ${own.node} has another disk than node ${by} knows by this name: disk ${own.incarnation}, and the cluster means ${wanted}. ${whatToDo(own)}`;
}

function whatToDo({ node }: Identity): string {
  return `Its votes and acknowledgements may be lost, so it takes no part. Remove ${node} from the cluster and add a node with an empty disk under a new name.`;
}
