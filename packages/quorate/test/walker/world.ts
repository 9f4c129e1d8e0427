import type { Action, Answer as CoreAnswer } from '../../src/core/action.ts';
import type { Event } from '../../src/core/event.ts';
import type { checkInvariants, Remembered } from '../../src/core/invariants.ts';
import type { RaftCore } from '../../src/core/raft-core.ts';
import { Arrivals } from './arrivals.ts';
import { CommitOracle } from './commit-oracle.ts';
import type { Write } from './disk.ts';
import { History } from './history.ts';
import type { Knobs } from './knobs.ts';
import { LogOracle } from './log-oracle.ts';
import type { Message } from './message.ts';
import { answerTo } from './message.ts';
import { Random } from './random.ts';
import { ReplyOracle } from './reply-oracle.ts';
import { Snapshots } from './snapshots.ts';
import type { Tracer } from './trace.ts';
import { TransferOracle } from './transfer-oracle.ts';
import { demand } from './violation.ts';
import { VoteOracle } from './vote-oracle.ts';
import { nodeAt, WalkNode } from './walk-node.ts';
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

/** All nodes of a walk and what lies between them. It carries out what the cores ask for. */
export class World {
  readonly knobs: Knobs;
  readonly nodes: readonly WalkNode[];
  readonly history: History;
  readonly wire: Wire;
  readonly snapshots: Snapshots;
  readonly tracer: Tracer | undefined;
  /** Events given to cores. */
  eventCount = 0;
  /** No more crashes and delays: the world is to come to rest. */
  isCalm = false;

  readonly #module: CoreModule;
  readonly #seed: string;
  readonly #network: Random;
  readonly #disks: Random;
  readonly #logs: LogOracle;
  readonly #votes: VoteOracle;
  readonly #commits: CommitOracle;
  readonly #replies: ReplyOracle;
  readonly #transfers: TransferOracle;
  readonly #arrivals: Arrivals;
  readonly #remembered: (Remembered | undefined)[] = [];

  constructor(module: CoreModule, seed: string, knobs: Knobs, tracer?: Tracer) {
    this.knobs = knobs;
    this.tracer = tracer;
    this.nodes = Array.from({ length: knobs.nodeCount }, (_, at) => new WalkNode(at));
    this.history = new History(this.nodes);
    this.#module = module;
    this.#seed = seed;
    this.#network = new Random(seed, 'network');
    this.#disks = new Random(seed, 'disks');
    this.wire = new Wire(new Random(seed, 'wire'), knobs.delivery);
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
      give: (node, event) => this.give(node, event),
      losesSilently: () => this.#network.chance(knobs.loseSilently),
    });
    this.snapshots = new Snapshots(this.history, new Random(seed, 'snapshots'), {
      knobs,
      give: (node, event) => this.give(node, event),
      crash: (node) => this.crash(node),
      send: (message) => this.#send(message),
      deliver: (message) => this.deliver(message),
    });
    for (const node of this.nodes) this.start(node);
  }

  // --- Life and death ----------------------------------------------------------------------------

  start(node: WalkNode): void {
    this.snapshots.onStart(node);
    const { committed } = this.history;
    const recovered = node.recover({ applied: node.disk.applied, committed });
    if (this.knobs.hasDurableStateMachine) node.disk.applied = node.applied;
    const core = new Random(this.#seed, `core ${node.at} ${node.incarnation}`);
    const options = { ...this.knobs, id: node.id, random: () => core.real() };
    node.start(new this.#module.RaftCore(options, recovered, node.clock));
    this.#remembered[node.at] = undefined;
    if (node.incarnation > 1) this.history.marks.restarts += 1;
    this.tracer?.note(node, 'starts');
    if (node.isQuarantined) this.give(node, { type: 'quarantine', reason: 'it was before' });
  }

  crash(node: WalkNode, options: { restarts: boolean } = { restarts: true }): void {
    const { marks } = this.history;
    marks.crashes += 1;
    const pending = node.disk.pending.length;
    if (node.disk.crash(this.#disks)) marks.crashesWithPartialWrite += 1;
    if (this.knobs.hasDurableStateMachine) {
      const more = node.applied - node.disk.applied;
      node.disk.applied += this.#disks.chance(0.5) ? more : this.#disks.below(more + 1);
    }
    const { building } = node;
    if (building !== undefined && this.#disks.chance(0.5)) node.disk.save(building);
    node.stop();
    // A process that starts again has a new origin of time.
    node.clock = this.#disks.below(1000);
    this.tracer?.note(node, `crashes with ${pending} writes under way`);
    if (options.restarts && this.#disks.chance(this.knobs.restartAtOnce)) this.start(node);
  }

  /** The node is stopped, and its disk has lost something when it comes back. */
  loseDisk(node: WalkNode): void {
    if (node.isUp) this.crash(node, { restarts: false });
    const { log, snapshotIndex } = node.disk;
    node.lost.push({ log: [...log], snapshotIndex });
    node.isQuarantined = true;
    node.disk.lose(this.#disks);
    this.history.marks.disksLost += 1;
    this.tracer?.note(node, 'has lost something of its disk');
    this.start(node);
  }

  quarantine(node: WalkNode): void {
    node.isQuarantined = true;
    this.give(node, { type: 'quarantine', reason: 'somebody says so' });
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
    else this.#goOn(node, hasSent);
  }

  /** Hands a message over, or loses it if its receiver is not there any more. */
  deliver(message: Message): void {
    this.#arrivals.deliver(message);
  }

  lose(message: Message): void {
    this.#arrivals.lose(message);
  }

  /** What a follower said a while ago arrives now: it must not count for what came since. */
  deliverLateAnswer(node: WalkNode): void {
    // The step before may have been its last.
    if (!node.isUp || !this.#network.chance(0.8)) return;
    const calls = node.state.leadership?.calls;
    const late = this.wire.takeFirst(
      ({ type, from, call }) => type === 'appendAnswered' && from === node.at && calls?.has(call),
    );
    if (late !== undefined) this.deliver(late);
  }

  /** A reader on `node` asks the node at `to` what is committed. */
  askLeader(
    node: WalkNode,
    to: number,
    { floor, mode }: { floor: number; mode: 'quorum' | 'lease' },
  ): void {
    const { at: from, incarnation, campaignCount: campaign } = node;
    const head = { from, to, call: 0, incarnation, campaign };
    this.#send({ type: 'readIndex', ...head, rpc: { mode }, read: node.beginRead(floor), floor });
  }

  /** Completes the oldest `count` writes and says so. */
  complete(node: WalkNode, count: number): void {
    const write = node.disk.complete(count);
    if (write > 0) this.give(node, { type: 'persisted', write });
  }

  report(node: WalkNode): void {
    const sent = node.unreported.shift();
    if (sent !== undefined) this.give(node, { type: 'sent', call: sent.call, last: sent.last });
  }

  /** The state machine goes on: with entries, or with a snapshot that it is to take over. */
  goOnApplying(node: WalkNode, options: { all: boolean }): void {
    const [next] = node.restores;
    const target = next?.applying ?? node.applying;
    const behind = target - node.applied;
    if (next !== undefined && (behind <= 0 || options.all || this.#disks.chance(0.5))) {
      this.snapshots.restoreNext(node);
      return;
    }
    if (behind > 0) {
      this.apply(node, options.all ? target : node.applied + 1 + this.#disks.below(behind));
    }
  }

  apply(node: WalkNode, index: number): void {
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
    if (message.type === 'requestVote' && answer.type === 'vote') {
      const { term, granted } = answer.response;
      const isVote = granted && !message.rpc.preVote;
      this.#votes.onReleased(node, term, isVote ? message.rpc.candidate : undefined);
      this.#send(answerTo(message, answer));
    } else if (message.type === 'appendEntries' && answer.type === 'append') {
      this.#votes.onReleased(node, answer.response.term, undefined);
      if (answer.response.accepted) this.#commits.onMatch(node, answer.response);
      this.#send(answerTo(message, answer));
    } else if (message.type === 'installSnapshot' && answer.type === 'snapshot') {
      this.#votes.onReleased(node, answer.response.term, undefined);
      this.#commits.onMatch(node, answer.response);
      this.#send(answerTo(message, answer));
    } else if (message.type === 'readIndex' && answer.type === 'readable') {
      this.#send(answerTo(message, answer));
    }
  }

  #call(node: WalkNode, action: Outgoing): void {
    const { call, to } = action;
    const { at, incarnation, campaignCount: campaign } = node;
    demand(call > node.seenCall, 'S24', () => `${node.id} used the call ${call} twice`);
    node.seenCall = call;
    const head = { from: at, to: nodeAt(to), call, incarnation, campaign };
    if (action.type === 'requestVote') {
      this.#votes.onVoteRequest(node, action.rpc);
      this.#send({ type: 'requestVote', ...head, rpc: action.rpc });
      return;
    }
    if (action.type === 'timeoutNow') {
      this.#transfers.onTimeoutNow(node, action);
      this.#send({ type: 'timeoutNow', ...head, rpc: { term: action.term, leader: node.id } });
      return;
    }
    if (action.type === 'sendSnapshot') {
      this.#votes.onReleased(node, action.term, undefined);
      this.#send({ type: 'installSnapshot', ...head, ...this.snapshots.send(node, action) });
      return;
    }
    const { term, previous, last, committed } = action.range;
    this.#votes.onReleased(node, term, undefined);
    this.snapshots.oracle.onRead(node, previous, last);
    const isAtPurgedEnd = previous.index === last && last > 0 && last === node.purged;
    if (isAtPurgedEnd) this.history.marks.heartbeatsAtThePurgedEnd += 1;
    const count = Math.min(last - previous.index, 1 + this.#network.below(this.knobs.batch));
    const entries = node.log.slice(previous.index + 1, previous.index + 1 + count);
    const rpc = { term, leader: node.id, previous, entries, committed };
    this.#send({ type: 'appendEntries', ...head, rpc });
    if (last > previous.index) {
      node.unreported.push({ call, previous: previous.index, last: previous.index + count });
    }
  }

  #send(message: Message): void {
    const crowdedOut = this.wire.send(message);
    if (crowdedOut !== undefined) this.history.marks.messagesLost += 1;
  }

  #checkState(node: WalkNode): void {
    const { at } = node;
    this.#remembered[at] = this.#module.checkInvariants(node.state, this.#remembered[at]);
  }

  /** What follows at once in most walks: reports, quick writes, and crashes as quick. */
  #goOn(node: WalkNode, hasSent: boolean): void {
    const { crashAfterSend, reportSentLate, completeAtOnce, applyAtOnce } = this.knobs;
    if (node.applying > node.applied && this.#disks.chance(applyAtOnce)) {
      this.goOnApplying(node, { all: true });
      if (!node.isUp) return;
    }
    if (crashAfterSend > 0 && (hasSent || node.disk.pending.length > 0)) {
      if (this.#disks.chance(crashAfterSend)) {
        this.crash(node);
        return;
      }
    }
    if (node.unreported.length > 0) {
      if (reportSentLate === 0 || !this.#network.chance(reportSentLate)) this.report(node);
      else this.history.marks.sentReportedLate += 1;
    }
    if (!node.isUp || node.disk.pending.length === 0 || completeAtOnce === 0) return;
    if (this.#disks.chance(completeAtOnce)) this.complete(node, node.disk.pending.length);
  }
}
