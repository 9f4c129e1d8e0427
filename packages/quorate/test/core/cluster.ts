import type { Action, Answer, Replication } from '../../src/core/action.ts';
import type { CallId, Event, RequestId } from '../../src/core/event.ts';
import type { VoteRequest } from '../../src/core/message.ts';
import type { Entry, LogIndex, NodeId, Term } from '../../src/core/types.ts';
import { follower, type Setup, type TestNode } from './kit.ts';
import { append, entry, sent, unanswered, wake } from './words.ts';

/** A call on the wire. What gets there and what is lost is for the story to say. */
export interface Call {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly call: CallId;
  readonly rpc: { vote: VoteRequest } | { append: Replication; entries: readonly Entry[] };
}

/** What one round trip of entries looked like. */
export interface RoundTrip {
  readonly to: NodeId;
  readonly previous: LogIndex;
  readonly count: number;
  readonly answer: { accepted: LogIndex } | { hint: LogIndex };
}

/**
 * A few cores with disks that are never slow and a wire that does what the test says: for the
 * stories that the figures of the paper tell. Logs have content here, so that they can be compared.
 */
export class Cluster {
  readonly roundTrips: RoundTrip[] = [];
  /** How many entries fit one call. */
  maxEntries = Infinity;
  #members = new Map<NodeId, { node: TestNode; log: Entry[]; setup: Setup }>();
  #wire: Call[] = [];
  #answers = new Map<RequestId, Answer>();
  #lastRequest: RequestId = 0;

  constructor(ids: readonly NodeId[], setups: Readonly<Record<NodeId, Setup>>, common: Setup = {}) {
    for (const id of ids) {
      const setup = { voters: [ids], ...common, ...setups[id], id };
      const log = (setup.terms ?? []).map((term, at) => entry(term, at + 1));
      this.#members.set(id, { node: follower(setup), log, setup });
    }
  }

  node(id: NodeId): TestNode {
    return this.#member(id).node;
  }

  terms(id: NodeId): Term[] {
    return this.#member(id).log.map(({ logId }) => logId.term);
  }

  log(id: NodeId): readonly Entry[] {
    return this.#member(id).log;
  }

  /** Lets `id` campaign; only the calls to `others` get through. */
  elect(id: NodeId, others: readonly NodeId[]): void {
    const { node } = this.#member(id);
    node.now = Math.max(node.now, node.core.wakeAt);
    this.step(id, wake);
    while (node.core.view.role === 'candidate' && this.#wire.length > 0) {
      this.deliver(({ to }) => others.includes(to));
    }
  }

  /** Gives the node one event and does what it asks, except that calls go on the wire. */
  step(id: NodeId, event: Event): void {
    this.#perform(id, this.node(id).step(event));
  }

  /** Takes what is on the wire now: what `passes` is answered, the rest is lost. */
  deliver(passes: (call: Call) => boolean = () => true): void {
    const calls = this.#wire;
    this.#wire = [];
    for (const call of calls) {
      if (passes(call)) this.#carry(call);
      else this.step(call.from, unanswered(call.call));
    }
  }

  /** Everything gets through until nothing is on the wire. */
  deliverAll(): void {
    while (this.#wire.length > 0) this.deliver();
  }

  /** What is on the wire is lost, and nobody is told. */
  forget(): void {
    this.#wire = [];
  }

  /** The node loses what it had in memory; calls to it and from it are lost. */
  restart(id: NodeId): void {
    const member = this.#member(id);
    const { term, votedFor } = member.node.state;
    const terms = member.log.map(({ logId }) => logId.term);
    const vote = votedFor === undefined ? { term } : { term, votedFor };
    this.#wire = this.#wire.filter(({ from, to }) => from !== id && to !== id);
    member.node = follower({ ...member.setup, ...vote, terms });
  }

  #member(id: NodeId): { node: TestNode; log: Entry[]; setup: Setup } {
    const member = this.#members.get(id);
    if (member === undefined) throw new Error(`The cluster has no node ${id}.`);
    return member;
  }

  #perform(id: NodeId, actions: readonly Action[]): void {
    const { node, log } = this.#member(id);
    for (const action of actions) {
      if (action.type === 'persist') {
        if (action.truncate !== undefined) log.length = action.truncate;
        log.push(...(action.append ?? []));
      } else if (action.type === 'reply') {
        this.#answers.set(action.request, action.answer);
      } else if (action.type === 'requestVote') {
        const { call, to, rpc } = action;
        this.#wire.push({ from: id, to, call, rpc: { vote: rpc } });
      } else if (action.type === 'replicate') {
        this.#send(id, action);
      }
    }
    if (node.isWriting) this.#perform(id, node.persist());
  }

  #send(id: NodeId, action: Action & { type: 'replicate' }): void {
    const { call, to, range } = action;
    const last = Math.min(range.last, range.previous.index + this.maxEntries);
    const entries = this.#member(id).log.slice(range.previous.index, last);
    this.#wire.push({ from: id, to, call, rpc: { append: range, entries } });
    if (entries.length > 0) this.step(id, sent(call, last));
  }

  #carry({ from, to, call, rpc }: Call): void {
    const request = ++this.#lastRequest;
    if ('vote' in rpc) {
      this.step(to, { type: 'requestVote', request, rpc: rpc.vote });
    } else {
      const { entries, append: range } = rpc;
      this.step(to, append(request, from, { ...range, entries }));
    }
    const answer = this.#answers.get(request);
    if (answer?.type === 'vote') {
      this.step(from, { type: 'voteAnswered', call, response: answer.response });
    } else if (answer?.type === 'append' && 'append' in rpc) {
      const { response } = answer;
      this.roundTrips.push({
        to,
        previous: rpc.append.previous.index,
        count: rpc.entries.length,
        answer: response.accepted ? { accepted: response.match } : { hint: response.hint.index },
      });
      this.step(from, { type: 'appendAnswered', call, response });
    } else {
      throw new Error(`${to} must answer request ${request} of ${from}.`);
    }
  }
}
