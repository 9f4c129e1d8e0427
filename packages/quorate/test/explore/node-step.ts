import type { Action, Answer as CoreAnswer } from '../../src/core/action.ts';
import type { Event, RequestId } from '../../src/core/event.ts';
import type { NodeId, Term } from '../../src/core/types.ts';
import type { Write } from '../walker/disk.ts';
import { demand } from '../walker/violation.ts';
import type { CoreModule } from '../walker/world.ts';
import type { Bounds } from './bounds.ts';
import type { Logs } from './logs.ts';
import { membershipOf, votersOf } from './logs.ts';
import { isRequest, type Messages, type Request } from './messages.ts';
import { type Before, checkAccepted, checkAfter, checkRelease, checkWrite } from './node-checks.ts';
import { type NodeState, startNode } from './node-state.ts';
import { placeOf } from './permutations.ts';

/** What can happen to one node. A message or call goes by the number of its message. */
export type NodeEvent =
  | { readonly type: 'deliver'; readonly message: number }
  | { readonly type: 'unanswered'; readonly call: number }
  | { readonly type: 'wake' }
  /** The oldest `writes` of those under way are on the disk. */
  | { readonly type: 'persisted'; readonly writes: number }
  | { readonly type: 'propose' }
  | { readonly type: 'change'; readonly voters: readonly NodeId[]; readonly keepRemoved: boolean }
  /** With the oldest `writes` on the disk, and of the next one the first `parts`. */
  | { readonly type: 'crash'; readonly writes: number; readonly parts: number };

/** A node was elected: by whom, and which voter sets were in force. */
export interface Election {
  readonly term: Term;
  readonly electorate: number;
  readonly voters: readonly number[];
}

/** A node moved its commit index to the end of `log`. */
export interface Commit {
  readonly log: number;
  readonly term: Term;
  readonly voters: readonly number[];
  /** The log on its disk at that moment. */
  readonly disk: number;
}

/** What a step did that concerns others. */
export interface Effects {
  readonly sent: number[];
  readonly elections: Election[];
  readonly commits: Commit[];
}

export interface Surroundings {
  readonly module: CoreModule;
  readonly bounds: Bounds;
  readonly logs: Logs;
  readonly messages: Messages;
}

const noBytes = new Uint8Array(0);
/** Far more than any step leads to; a core that goes round for ever is found by it. */
const mostTurns = 100;

/** Lets one thing happen to `node`, with all that follows from it at once. */
export function stepNode(node: NodeState, event: NodeEvent, around: Surroundings): Effects {
  if (event.type === 'crash') {
    crash(node, event, around);
    return { sent: [], elections: [], commits: [] };
  }
  const step = new NodeStep(node, around);
  step.run(event);
  return step.effects;
}

class NodeStep {
  readonly effects: Effects = { sent: [], elections: [], commits: [] };
  readonly #node: NodeState;
  readonly #around: Surroundings;
  readonly #reports: Event[] = [];

  constructor(node: NodeState, around: Surroundings) {
    this.#node = node;
    this.#around = around;
  }

  run(event: Exclude<NodeEvent, { type: 'crash' }>): void {
    this.#give(this.#eventFor(event));
    for (let turn = 0; ; turn += 1) {
      demand(turn < mostTurns, 'S24', () => `${this.#node.id} does not come to rest`);
      const report = this.#reports.shift();
      if (report !== undefined) this.#give(report);
      else if (this.#around.bounds.disk === 'instant' && this.#node.pending.length > 0) {
        this.#give({ type: 'persisted', write: complete(this.#node, this.#node.pending.length) });
      } else return;
    }
  }

  #eventFor(event: Exclude<NodeEvent, { type: 'crash' }>): Event {
    const node = this.#node;
    switch (event.type) {
      case 'deliver':
        return this.#arrival(event.message);
      case 'unanswered':
        return { type: 'unanswered', call: callOf(node, event.call) };
      case 'wake':
        // A leader's beat lies one on; a candidate's time has come already.
        node.now += 1;
        return event;
      case 'persisted':
        return { type: 'persisted', write: complete(node, event.writes) };
      case 'propose': {
        const data = { bytes: noBytes, value: node.id };
        return { type: 'propose', request: this.#ask(), payloads: [{ type: 'command', data }] };
      }
      default: {
        const { voters, keepRemoved } = event;
        const change = { type: 'changeVoters', voters, keepRemoved } as const;
        return { type: 'changeMembership', request: this.#ask(), change };
      }
    }
  }

  #arrival(id: number): Event {
    const { messages } = this.#around;
    const message = messages.data(id);
    if (isRequest(message)) {
      const request = this.#ask(id);
      return message.type === 'requestVote'
        ? { type: 'requestVote', request, rpc: message.rpc }
        : { type: 'appendEntries', request, rpc: message.rpc };
    }
    const call = callOf(this.#node, message.request);
    if (message.type === 'appendAnswered') return { ...message, call };
    noteGrant(this.#node, messages.request(id), message.response);
    return { ...message, call };
  }

  #ask(message?: number): RequestId {
    const node = this.#node;
    node.lastRequest += 1;
    node.questions.set(node.lastRequest, message);
    return node.lastRequest;
  }

  #give(event: Event): void {
    const node = this.#node;
    const { module, logs } = this.#around;
    const { state } = node.core;
    const { role, term, committed, votedFor, electionAt } = state;
    const voters = votersOf(membershipOf(node.log));
    const before: Before = { role, term, committed, votedFor, electionAt, voters };
    const remembered = module.checkInvariants(state);
    const actions = node.core.step(event, node.now);
    for (const action of actions) this.#perform(event, action);
    module.checkInvariants(state, remembered);
    checkAfter(node, event, { before, actions });
    if (state.role === 'leader' && (role !== 'leader' || state.term !== term)) {
      const electorate = (node.grantsTerm === state.term ? node.grants : 0) | (1 << node.at);
      this.effects.elections.push({ term: state.term, electorate, voters });
      checkRelease(node, state.term, node.id);
    }
    if (state.committed > committed) {
      const log = logs.idOf(node.log.slice(0, state.committed));
      const disk = logs.idOf(node.disk.log);
      this.effects.commits.push({ log, term: state.term, voters, disk });
    }
    forgetCalls(node);
  }

  #perform(event: Event, action: Action): void {
    const node = this.#node;
    switch (action.type) {
      case 'persist':
        this.#persist(event, action);
        return;
      case 'reply':
        this.#reply(action.request, action.answer);
        return;
      case 'apply':
        this.#reports.push({ type: 'applied', index: action.index });
        demand(
          action.index <= node.disk.log.length &&
            node.disk.log[action.index - 1] === node.log[action.index - 1],
          'S11',
          () => `${node.id} applies entry ${action.index}, which is not on its disk`,
        );
        return;
      case 'requestVote': {
        const { call, to, rpc } = action;
        // A pre-vote promises nothing, and nobody keeps what it says.
        if (!rpc.preVote) checkRelease(node, rpc.term, node.id);
        this.#call(call, { type: 'requestVote', to, rpc });
        return;
      }
      case 'replicate':
        this.#replicate(action);
        return;
      default:
        throw new Error(`nothing here leads to the action ${action.type}`);
    }
  }

  #persist(event: Event, action: Extract<Action, { type: 'persist' }>): void {
    const node = this.#node;
    const append = action.append?.map((entry) => this.#around.logs.entry(entry));
    checkWrite(node, event, { ...action, ...(append === undefined ? {} : { append }) });
    if (action.truncate !== undefined) node.log.length = action.truncate;
    node.log.push(...(append ?? []));
    node.pending.push({ ...action, ...(append === undefined ? {} : { append }) });
  }

  #replicate({ call, to, range }: Extract<Action, { type: 'replicate' }>): void {
    const node = this.#node;
    const { term, previous, last, committed } = range;
    checkRelease(node, term, undefined);
    const count = Math.min(last - previous.index, this.#around.bounds.batch);
    const entries = node.log.slice(previous.index, previous.index + count);
    const rpc = { term, leader: node.id, previous, entries, committed };
    this.#call(call, { type: 'appendEntries', to, rpc });
    if (count > 0) this.#reports.push({ type: 'sent', call, last: previous.index + count });
  }

  #call(call: number, message: CallTo): void {
    const node = this.#node;
    const { messages } = this.#around;
    const head = { from: node.id, incarnation: node.incarnation };
    const first = messages.idOf({ ...head, ...message, ordinal: 0 });
    const ordinal = node.made.get(first) ?? 0;
    node.made.set(first, ordinal + 1);
    const id = ordinal === 0 ? first : messages.idOf({ ...head, ...message, ordinal });
    node.calls.set(call, id);
    this.effects.sent.push(id);
  }

  #reply(request: RequestId, answer: CoreAnswer): void {
    const node = this.#node;
    const { messages } = this.#around;
    demand(
      node.questions.has(request),
      'S22',
      () => `${node.id} answers a question that nobody put, or that had its answer`,
    );
    const id = node.questions.get(request);
    node.questions.delete(request);
    if (id === undefined) return;
    const question = messages.request(id);
    if (question.type === 'requestVote' && answer.type === 'vote') {
      const { response } = answer;
      const isVote = response.granted && !question.rpc.preVote;
      checkRelease(node, response.term, isVote ? question.rpc.candidate : undefined);
      this.effects.sent.push(messages.idOf({ type: 'voteAnswered', request: id, response }));
    } else if (question.type === 'appendEntries' && answer.type === 'append') {
      const { response } = answer;
      checkRelease(node, response.term, undefined);
      if (response.accepted) checkAccepted(node, response.match);
      this.effects.sent.push(messages.idOf({ type: 'appendAnswered', request: id, response }));
    } else demand(false, 'S22', () => `${node.id} answers ${question.type} with ${answer.type}`);
  }
}

type CallTo = Request extends infer One
  ? One extends Request
    ? Pick<One, 'type' | 'to' | 'rpc'>
    : never
  : never;

/** Completes the oldest `count` writes. Returns the number of the last. */
function complete(node: NodeState, count: number): number {
  let last = 0;
  for (const write of node.pending.splice(0, count)) {
    writeParts(node, write, Infinity);
    last = write.write;
  }
  return last;
}

/** The parts in their order: the vote, the truncation, and one for each entry. */
function writeParts({ id, disk }: NodeState, write: Write, most: number): void {
  const { vote, truncate, append } = write;
  let left = most;
  if (vote !== undefined && left-- > 0) {
    const { term } = disk.vote;
    demand(vote.term >= term, 'S14', () => `${id} writes term ${vote.term} over term ${term}`);
    disk.vote = vote;
  }
  if (truncate !== undefined && left-- > 0) disk.log.length = Math.min(disk.log.length, truncate);
  for (const entry of append ?? []) if (left-- > 0) disk.log.push(entry);
}

/** How many parts a write has. */
export function partCount(write: Write): number {
  const { vote, truncate, append } = write;
  return (vote === undefined ? 0 : 1) + (truncate === undefined ? 0 : 1) + (append?.length ?? 0);
}

function crash(
  node: NodeState,
  { writes, parts }: Extract<NodeEvent, { type: 'crash' }>,
  { module, bounds }: Surroundings,
): void {
  complete(node, writes);
  const torn = node.pending[0];
  if (torn !== undefined && parts > 0) writeParts(node, torn, parts);
  const applied = bounds.durableStateMachine ? node.core.state.applied : 0;
  const { at, disk, incarnation, released } = node;
  Object.assign(
    node,
    startNode(module, bounds, { at, disk, incarnation: incarnation + 1, released, applied }),
  );
}

/** A vote that reaches the candidate of its term counts, whatever the core makes of it. */
function noteGrant(
  node: NodeState,
  { rpc, to }: Request,
  response: { readonly term: Term; readonly granted: boolean },
): void {
  const { term } = node.core.state;
  if (!('preVote' in rpc) || rpc.preVote || !response.granted || rpc.term !== term) return;
  if (node.grantsTerm !== term) node.grants = 0;
  node.grantsTerm = term;
  node.grants |= 1 << placeOf(to);
}

/** The core's own number of a call; an answer to a call that is over finds none. */
function callOf(node: NodeState, message: number): number {
  for (const [call, id] of node.calls) if (id === message) return call;
  return -1;
}

/** Keeps what the core has on its books, and counts repeated calls in the term under way alone. */
function forgetCalls(node: NodeState): void {
  const { campaign, leadership } = node.core.state;
  for (const call of node.calls.keys()) {
    if (campaign?.calls.has(call) || leadership?.calls.has(call)) continue;
    node.calls.delete(call);
  }
}
