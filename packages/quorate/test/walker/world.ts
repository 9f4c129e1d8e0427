import type { Action, Answer as CoreAnswer } from '../../src/core/action.ts';
import type { Event } from '../../src/core/event.ts';
import type { checkInvariants, Remembered } from '../../src/core/invariants.ts';
import type { RaftCore } from '../../src/core/raft-core.ts';
import { Arrivals } from './arrivals.ts';
import { CommitOracle } from './commit-oracle.ts';
import type { Write } from './disk.ts';
import type { Fate, Loss } from './fate.ts';
import type { Habits, Hands } from './habits.ts';
import { History } from './history.ts';
import type { Knobs } from './knobs.ts';
import { LogOracle } from './log-oracle.ts';
import type { Marks } from './marks.ts';
import type { Message, Request } from './message.ts';
import { answerTo } from './message.ts';
import { MessageNames } from './message-names.ts';
import { Random } from './random.ts';
import { Recorder } from './recorder.ts';
import { ReplyOracle } from './reply-oracle.ts';
import { Snapshots } from './snapshots.ts';
import type { Tracer } from './trace.ts';
import { TransferOracle } from './transfer-oracle.ts';
import { demand } from './violation.ts';
import { VoteOracle } from './vote-oracle.ts';
import { nodeAt, nodeName, WalkNode } from './walk-node.ts';
import { Wire } from './wire.ts';

/** The code under test: the product's core, or a copy with a planted bug. */
export interface CoreModule {
  readonly RaftCore: typeof RaftCore;
  readonly checkInvariants: typeof checkInvariants;
}

type Outgoing = Extract<
  Action,
  { type: 'requestVote' | 'replicate' | 'sendSnapshot' | 'timeoutNow' }
>;

export interface WorldOptions {
  /** For what is drawn from it here; the other draws are those of `habits`. */
  readonly seed: string;
  readonly habits: (hands: Hands) => Habits;
  readonly tracer?: Tracer | undefined;
  /** Messages get names, and what is done is noted. */
  readonly isRecorded?: boolean | undefined;
}

/** All nodes of a walk and what lies between them. It carries out what the cores ask for. */
export class World implements Hands {
  readonly knobs: Knobs;
  readonly nodes: readonly WalkNode[];
  readonly history: History;
  readonly wire: Wire;
  readonly snapshots: Snapshots;
  readonly tracer: Tracer | undefined;
  readonly names: MessageNames | undefined;
  readonly recorder: Recorder | undefined;
  /** Events given to cores. */
  eventCount = 0;
  /** No more crashes and delays: the world is to come to rest. */
  isCalm = false;

  readonly #module: CoreModule;
  readonly #habits: Habits;
  readonly #logs: LogOracle;
  readonly #votes: VoteOracle;
  readonly #commits: CommitOracle;
  readonly #replies: ReplyOracle;
  readonly #transfers: TransferOracle;
  readonly #arrivals: Arrivals;
  readonly #remembered: (Remembered | undefined)[] = [];

  constructor(module: CoreModule, knobs: Knobs, options: WorldOptions) {
    this.knobs = knobs;
    this.tracer = options.tracer;
    this.nodes = Array.from({ length: knobs.nodeCount }, (_, at) => new WalkNode(at));
    this.history = new History(this.nodes);
    this.#module = module;
    this.#habits = options.habits(this);
    this.wire = new Wire(new Random(options.seed, 'wire'), knobs.delivery);
    if (options.isRecorded === true) {
      this.names = new MessageNames();
      this.recorder = new Recorder(this.names);
    }
    const give = (node: WalkNode, event: Event): void => this.give(node, event);
    this.#logs = new LogOracle(this.history);
    this.#votes = new VoteOracle(this.history);
    this.#commits = new CommitOracle(this.history);
    this.#replies = new ReplyOracle(this.history);
    this.#transfers = new TransferOracle(this.history, knobs.electionTimeoutMs.max);
    this.#arrivals = new Arrivals({
      history: this.history,
      votes: this.#votes,
      commits: this.#commits,
      replies: this.#replies,
      recorder: this.recorder,
      give,
      losesSilently: () => this.#habits.losesSilently(),
    });
    this.snapshots = new Snapshots(this.history, {
      recorder: this.recorder,
      give,
      send: (message) => this.#send(message),
    });
    for (const node of this.nodes) this.#startCore(node);
  }

  get marks(): Marks {
    return this.history.marks;
  }

  // --- Life and death ----------------------------------------------------------------------------

  start(node: WalkNode): void {
    this.recorder?.note('start', node.id);
    this.#startCore(node);
  }

  crash(node: WalkNode, fate: Fate): void {
    this.recorder?.noteCrash(node, fate);
    this.marks.crashes += 1;
    const count = node.disk.pending.length;
    if (node.disk.crash(fate)) this.marks.crashesWithPartialWrite += 1;
    if (this.knobs.hasDurableStateMachine) node.disk.applied = fate.applied;
    if (node.building !== undefined && fate.isBuilt) node.disk.save(node.building);
    node.stop();
    node.clock = fate.clock;
    this.tracer?.note(node, `crashes with ${count} writes under way`);
  }

  /** The node is stopped, and its disk has lost something when it comes back. */
  loseDisk(node: WalkNode, loss: Loss): void {
    this.recorder?.noteLoss(node, loss);
    node.lost.push({ log: [...node.disk.log], snapshotIndex: node.disk.snapshotIndex });
    node.isQuarantined = true;
    node.disk.lose(loss);
    this.history.marks.disksLost += 1;
    this.tracer?.note(node, 'has lost something of its disk');
    this.#startCore(node);
  }

  quarantine(node: WalkNode): void {
    this.recorder?.note('quarantine', node.id);
    node.isQuarantined = true;
    this.give(node, { type: 'quarantine', reason: 'somebody says so' });
  }

  #startCore(node: WalkNode): void {
    this.snapshots.onStart(node);
    const { committed } = this.history;
    const recovered = node.recover({ applied: node.disk.applied, committed });
    if (this.knobs.hasDurableStateMachine) node.disk.applied = node.applied;
    const random = (): number => {
      const percent = this.#habits.timeout(node);
      this.recorder?.onTimeout(percent);
      return percent / 100;
    };
    node.start(
      new this.#module.RaftCore({ ...this.knobs, id: node.id, random }, recovered, node.clock),
    );
    this.#remembered[node.at] = undefined;
    if (node.incarnation > 1) this.history.marks.restarts += 1;
    this.tracer?.note(node, 'starts');
    if (node.isQuarantined) this.give(node, { type: 'quarantine', reason: 'it was before' });
  }

  // --- Events ------------------------------------------------------------------------------------

  give(node: WalkNode, event: Event): void {
    this.eventCount += 1;
    node.changeBefore = node.change;
    this.#votes.beforeStep(node);
    this.#transfers.beforeStep(node);
    const actions = node.core.step(event, node.clock);
    this.#votes.onStepped(node);
    let hasSent = false;
    for (const action of actions) hasSent = this.#perform(node, event, action) || hasSent;
    this.#votes.afterStep(node, event);
    this.#commits.afterStep(node, event);
    this.#votes.onActions(node, event, actions);
    this.#transfers.afterStep(node, event, actions);
    this.#checkState(node);
    this.tracer?.event(node, event, actions);
    if (this.isCalm) this.report(node);
    else this.#habits.after(node, hasSent);
  }

  deliver(message: Message): void {
    this.#arrivals.deliver(message);
  }

  lose(message: Message): void {
    this.#arrivals.lose(message);
  }

  /** Its caller hears that it never arrived. */
  fail(message: Message): void {
    this.#arrivals.fail(message);
  }

  /** A reader on `node` asks the node at `to` what is committed. */
  askLeader(
    node: WalkNode,
    to: number,
    { floor, mode }: { floor: number; mode: 'quorum' | 'lease' },
  ): void {
    const { at: from, incarnation, campaignCount: campaign } = node;
    const head = { from, to, call: 0, incarnation, campaign };
    this.recorder?.note('ask', node.id, { to: nodeName(to), mode });
    this.#send({ type: 'readIndex', ...head, rpc: { mode }, read: node.beginRead(floor), floor });
  }

  /** Completes the oldest `count` writes and says so. */
  complete(node: WalkNode, count: number): void {
    this.recorder?.noteAll('persist', node, { count, of: node.disk.pending.length });
    const write = node.disk.complete(count);
    if (write > 0) this.give(node, { type: 'persisted', write });
  }

  report(node: WalkNode): void {
    const sent = node.unreported.shift();
    if (sent === undefined) return;
    this.recorder?.note('sent', node.id);
    this.give(node, { type: 'sent', call: sent.call, last: sent.last });
  }

  /** The state machine goes on as far as it can: with all entries, or with a snapshot. */
  applyMore(node: WalkNode): void {
    if (node.restores.length > 0) this.restoreNext(node, { skips: false });
    else if (node.applying > node.applied) this.apply(node, node.applying);
  }

  restoreNext(node: WalkNode, options: { skips: boolean }): void {
    this.snapshots.restoreNext(node, options);
  }

  apply(node: WalkNode, index: number): void {
    const target = node.restores[0]?.applying ?? node.applying;
    this.recorder?.noteAll('apply', node, { count: index, of: target });
    this.#commits.applyUpTo(node, index);
    this.give(node, { type: 'applied', index });
  }

  // --- Actions -----------------------------------------------------------------------------------

  /** Returns `true` if it was a call to another node. */
  #perform(node: WalkNode, event: Event, action: Action): boolean {
    if (action.type === 'persist') this.#persist(node, event, action);
    else if (action.type === 'reply') this.#reply(node, event, action.request, action.answer);
    else if (action.type === 'apply') this.#commits.onApply(node, action.index);
    else if (action.type === 'receiveSnapshot') this.snapshots.receive(node, action);
    else if (action.type === 'restore') this.snapshots.restore(node, event, action);
    else if (action.type === 'purge') this.snapshots.purge(node, event, action);
    else {
      this.#call(node, action);
      return true;
    }
    return false;
  }

  #persist(node: WalkNode, event: Event, write: Write): void {
    this.#logs.onWrite(node, event, write);
    const { vote, truncate, append } = write;
    const hasPreVote = this.knobs.preVote && event.type !== 'timeoutNow';
    if (vote !== undefined) this.#votes.onVote(node, vote.votedFor, { preVote: hasPreVote });
    if (truncate !== undefined) {
      node.log.length = truncate + 1;
      while ((node.change?.logId.index ?? 0) > truncate) node.changes.pop();
    }
    if (append !== undefined) {
      for (const entry of append) {
        this.#logs.onAppend(node, event, entry);
        node.log.push(entry);
        if (entry.payload.type === 'membership') node.changes.push(entry);
      }
    }
    node.disk.pending.push(write);
  }

  #reply(node: WalkNode, event: Event, request: number, answer: CoreAnswer): void {
    const question = this.#replies.onReply(node, event, request, answer);
    if (question.type !== 'message') return;
    const { message } = question;
    if (answer.type === 'vote') {
      const { term, granted } = answer.response;
      const isVote = granted && message.type === 'requestVote' && !message.rpc.preVote;
      this.#votes.onReleased(node, term, isVote ? message.rpc.candidate : undefined);
    } else if (answer.type === 'append' || answer.type === 'snapshot') {
      const { response } = answer;
      this.#votes.onReleased(node, response.term, undefined);
      if (!('accepted' in response) || response.accepted) this.#commits.onMatch(node, response);
    } else if (answer.type !== 'readable') return;
    this.#send(answerTo(message, answer), message);
  }

  #call(node: WalkNode, action: Outgoing): void {
    const { call, to } = action;
    const { at, incarnation, campaignCount: campaign } = node;
    demand(call > node.seenCall, 'S24', () => `${node.id} used the call ${call} twice`);
    node.seenCall = call;
    const head = { from: at, to: nodeAt(to), call, incarnation, campaign };
    if (action.type === 'requestVote') {
      this.#votes.onVoteRequest(node, action.rpc);
      return this.#send({ type: 'requestVote', ...head, rpc: action.rpc });
    }
    if (action.type === 'timeoutNow') {
      this.#transfers.onTimeoutNow(node, action);
      const rpc = { term: action.term, leader: node.id };
      return this.#send({ type: 'timeoutNow', ...head, rpc });
    }
    if (action.type === 'sendSnapshot') {
      this.#votes.onReleased(node, action.term, undefined);
      const sent = this.snapshots.send(node, action);
      return this.#send({ type: 'installSnapshot', ...head, ...sent });
    }
    const { term, previous, last, committed } = action.range;
    this.#votes.onReleased(node, term, undefined);
    this.snapshots.oracle.onRead(node, previous, last);
    const isAtPurgedEnd = previous.index === last && last > 0 && last === node.purged;
    if (isAtPurgedEnd) this.history.marks.heartbeatsAtThePurgedEnd += 1;
    const count = this.#countEntries(last - previous.index);
    const entries = node.log.slice(previous.index + 1, previous.index + 1 + count);
    const rpc = { term, leader: node.id, previous, entries, committed };
    this.#send({ type: 'appendEntries', ...head, rpc });
    if (last > previous.index) {
      node.unreported.push({ call, previous: previous.index, last: previous.index + count });
    }
  }

  /** Of all that is to be sent, at most what fits into one message, and maybe less. */
  #countEntries(all: number): number {
    if (all === 0) return 0;
    const most = Math.min(all, this.knobs.batch);
    const count = this.#habits.batch(most);
    this.recorder?.onBatch(count === most ? 0 : count);
    return count;
  }

  /** `request` is what it answers. */
  #send(message: Message, request?: Request): void {
    this.names?.add(message, request);
    const crowdedOut = this.wire.send(message);
    if (crowdedOut !== undefined) this.history.marks.messagesLost += 1;
  }

  #checkState(node: WalkNode): void {
    const before = this.#remembered[node.at];
    this.#remembered[node.at] = this.#module.checkInvariants(node.state, before);
  }
}
