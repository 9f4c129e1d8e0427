import type { Action, Replication } from '../../src/core/action.ts';
import type { CallId, Event } from '../../src/core/event.ts';
import { checkInvariants, type Remembered } from '../../src/core/invariants.ts';
import { type CoreOptions, RaftCore } from '../../src/core/raft-core.ts';
import type { CoreState } from '../../src/core/state.ts';
import type {
  EffectiveMembership,
  LogId,
  LogIndex,
  Membership,
  NodeId,
  SnapshotMeta,
  Term,
} from '../../src/core/types.ts';
import { accepted, granted, id, persisted, sent, wake } from './words.ts';

/** The log, the vote and the membership that a node of a test starts with. */
export interface Setup {
  readonly id?: NodeId;
  /** The durable vote. The term is at least that of the last entry. */
  readonly term?: Term;
  readonly votedFor?: NodeId;
  /** The term of each entry, from index 1 on, as the figures of the paper draw a log. */
  readonly terms?: readonly Term[];
  readonly applied?: LogIndex;
  /** The last index that is purged, and the last that the newest snapshot covers. */
  readonly purged?: LogIndex;
  readonly snapshot?: LogIndex;
  /** One voter set, or two in a joint membership. */
  readonly voters?: readonly (readonly NodeId[])[];
  readonly learners?: readonly NodeId[];
  /** Instead of `voters` and `learners`: what a longer history left behind. */
  readonly memberships?: readonly EffectiveMembership[];
  readonly options?: Partial<CoreOptions>;
}

export const heartbeatMs = 100;
export const electionTimeoutMs = { min: 1000, max: 2000 } as const;

/** How long a node runs before its test begins: no lease of its start is left. */
const longAfterStart = 5000;

/** A core with a clock of its own. Every step is followed by a check of all invariants. */
export class TestNode {
  readonly core: RaftCore;
  now = 0;
  #open = new Map<CallId, Replication>();
  #remembered: Remembered;

  constructor(setup: Setup = {}) {
    const terms = setup.terms ?? [];
    const lastTerm = terms.at(-1) ?? 0;
    const vote = { term: setup.term ?? lastTerm, votedFor: setup.votedFor };
    const options: CoreOptions = {
      id: setup.id ?? 'a',
      heartbeatMs,
      electionTimeoutMs,
      maxInflightAppends: 8,
      preVote: true,
      checkQuorum: true,
      maxClockDrift: 0.1,
      random: () => 0.5,
      ...setup.options,
    };
    const recovered = {
      vote,
      termStarts: startsAfter(terms, setup.purged ?? 0),
      purged: idAt(terms, setup.purged ?? 0),
      last: id(lastTerm, terms.length),
      snapshot: idAt(terms, setup.snapshot ?? 0),
      applied: idAt(terms, setup.applied ?? setup.snapshot ?? 0),
      memberships: setup.memberships ?? [
        { ...membership(setup.voters ?? [['a', 'b', 'c']], setup.learners), logId: id(0, 0) },
      ],
    };
    this.core = new RaftCore(options, recovered, this.now);
    this.#remembered = checkInvariants(this.state);
  }

  get state(): Readonly<CoreState> {
    return this.core.state;
  }

  /** The number of the newest call; what a step sends is counted from there. */
  get calls(): CallId {
    return this.state.lastCall;
  }

  get writes(): number {
    return this.state.lastWrite;
  }

  step(event: Event): readonly Action[] {
    const actions = this.core.step(event, this.now);
    this.#remembered = checkInvariants(this.state, this.#remembered);
    for (const action of actions) {
      if (action.type === 'replicate') this.#open.set(action.call, action.range);
    }
    return actions;
  }

  /** Lets time pass and nothing happen. */
  elapse(ms: number): void {
    this.now += ms;
  }

  /** Lets time pass until the core wants to be woken, and wakes it. */
  wake(): readonly Action[] {
    this.now = Math.max(this.now, this.core.wakeAt);
    return this.step(wake);
  }

  /** The disk completes all that it was asked for. */
  persist(): readonly Action[] {
    return this.step(persisted(this.writes));
  }

  get isWriting(): boolean {
    return this.state.persistedWrite < this.writes;
  }

  /** Everything gets through, in order, until nothing is under way any more. */
  settle(): this {
    while (this.isWriting || this.#open.size > 0) {
      if (this.isWriting) this.persist();
      const open = [...this.#open];
      this.#open.clear();
      for (const [call, { term, previous, last }] of open) {
        if (last > previous.index) this.step(sent(call, last));
        this.step(accepted(call, { term, match: last }));
      }
    }
    return this;
  }
}

/** A node that has run for long, as a follower or a learner that hears of nobody. */
export function follower(setup: Setup = {}): TestNode {
  const node = new TestNode(setup);
  node.elapse(longAfterStart);
  return node;
}

/** A node that asked for votes: its own is durable, the others are on their way. */
export function candidate(setup: Setup = {}): TestNode {
  const node = follower({ ...setup, options: { preVote: false, ...setup.options } });
  node.wake();
  node.persist();
  return node;
}

/** A node that was just elected: its blank entry is on its way to its disk and to the others. */
export function elected(setup: Setup = {}): TestNode {
  const node = follower(setup);
  let actions = node.wake();
  while (node.core.view.role === 'candidate') {
    const calls = actions.flatMap((action) => (action.type === 'requestVote' ? action.call : []));
    const next: Action[] = [];
    if (node.isWriting) next.push(...node.persist());
    for (const call of calls) {
      if (node.core.view.role !== 'candidate') break;
      next.push(...node.step(granted(call, node.core.view.term)));
    }
    actions = next;
  }
  return node;
}

/** A leader whose blank entry is committed and known to all. */
export function leader(setup: Setup = {}): TestNode {
  const node = elected(setup).settle();
  node.wake();
  return node.settle();
}

export function membership(
  voters: readonly (readonly NodeId[])[],
  learners: readonly NodeId[] = [],
): Membership {
  const names = [...new Set([...voters.flat(), ...learners])];
  const nodes = Object.fromEntries(names.map((name) => [name, { address: name }]));
  return { cluster: 'test', voters, nodes };
}

function idAt(terms: readonly Term[], index: LogIndex): LogId {
  return id(terms[index - 1] ?? 0, index);
}

function startsAfter(terms: readonly Term[], purged: LogIndex): LogId[] {
  const starts = termStarts(terms.slice(purged));
  return starts.map(({ term, index }) => id(term, index + purged));
}

/** A snapshot up to `index`, whose membership came with its last entry unless it is said. */
export function snapshotMeta(
  term: Term,
  index: LogIndex,
  voters: readonly (readonly NodeId[])[] = [['a', 'b', 'c']],
  learners: readonly NodeId[] = [],
): SnapshotMeta {
  const lastLogId = id(term, index);
  const effective = { ...membership(voters, learners), logId: lastLogId };
  return { id: `${term}.${index}`, lastLogId, membership: effective };
}

/** The first entry of each term, as recovery finds them. */
export function termStarts(terms: readonly Term[]): LogId[] {
  return terms.flatMap((term, at) => (term === terms[at - 1] ? [] : id(term, at + 1)));
}
