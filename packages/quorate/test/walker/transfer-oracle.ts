import type { Action } from '../../src/core/action.ts';
import type { Event } from '../../src/core/event.ts';
import type { CoreState } from '../../src/core/state.ts';
import type { History } from './history.ts';
import { demand } from './violation.ts';
import type { WalkNode } from './walk-node.ts';

type Before = Pick<CoreState, 'term' | 'role' | 'leader' | 'electionAt'>;

/** Watches how leadership is handed over, and who may not have it at all: S28 and S29. */
export class TransferOracle {
  readonly #history: History;
  readonly #maxMs: number;
  #before: Before = { term: 0, role: 'learner', leader: undefined, electionAt: Infinity };

  /** This step asks a target to take over, maybe for a transfer that it begins. */
  #hasAsked = false;

  constructor(history: History, maxMs: number) {
    this.#history = history;
    this.#maxMs = maxMs;
  }

  beforeStep({ state }: WalkNode): void {
    const { term, role, leader, electionAt } = state;
    this.#before = { term, role, leader, electionAt };
    this.#hasAsked = false;
  }

  /** The target is asked to campaign: it must have the whole log of its leader (S28). */
  onTimeoutNow(node: WalkNode, { to }: Extract<Action, { type: 'timeoutNow' }>): void {
    const match = node.state.leadership?.progress.get(to)?.matchIndex;
    const { index } = node.state.last;
    demand(match === index, 'S28', () => `${node.id} hands over to ${to} at ${match} of ${index}`);
    const isAsked = [...node.questions.values()].some(({ type }) => type === 'transferLeadership');
    demand(isAsked, 'S28', () => `${node.id} was not asked to hand over`);
    if (node.transfer === undefined) this.#hasAsked = true;
    else node.transfer.isTargetAsked = true;
  }

  afterStep(node: WalkNode, event: Event, actions: readonly Action[]): void {
    this.#checkTransfer(node, event);
    if (event.type === 'timeoutNow') this.#onTimeoutNow(node, event.rpc, actions);
    if (node.isQuarantined) this.#checkQuarantine(node, event, actions);
  }

  #checkTransfer(node: WalkNode, event: Event): void {
    const { marks } = this.#history;
    if (event.type === 'transferLeadership' && node.questions.has(event.request)) {
      const isTargetAsked = this.#hasAsked;
      node.transfer = { request: event.request, askedAt: node.clock, isTargetAsked };
      marks.transfersBegun += 1;
    }
    const { transfer } = node;
    if (transfer === undefined) return;
    if (!node.questions.has(transfer.request)) {
      node.transfer = undefined;
      return;
    }
    demand(node.leads, 'S28', () => `${node.id} leads no more and its transfer is not over`);
    const endsAt = transfer.askedAt + this.#maxMs;
    const isWatched = node.core.wakeAt <= endsAt && (event.type !== 'wake' || node.clock < endsAt);
    demand(isWatched, 'S28', () => `${node.id} goes on with a transfer that was to end ${endsAt}`);
  }

  /** What does not come from the leader of this very term changes nothing (S28). */
  #onTimeoutNow(
    node: WalkNode,
    rpc: Extract<Event, { type: 'timeoutNow' }>['rpc'],
    actions: readonly Action[],
  ): void {
    const { term, leader, role, electionAt } = this.#before;
    const { marks } = this.#history;
    if (node.state.term > term) marks.campaignsByTransfer += 1;
    if (rpc.term === term && rpc.leader === leader && role === 'follower' && !node.isQuarantined) {
      return;
    }
    marks.staleTimeoutNows += 1;
    const isUntouched =
      actions.every(({ type }) => type === 'reply') &&
      node.state.term === term &&
      node.state.role === role &&
      node.state.electionAt === electionAt;
    demand(isUntouched, 'S28', () => `${node.id} obeyed ${rpc.leader} of term ${rpc.term}`);
  }

  /** Who forgot what it promised neither leads nor wants to (S29). */
  #checkQuarantine(node: WalkNode, event: Event, actions: readonly Action[]): void {
    const { role } = node.state;
    const isQuiet = role !== 'leader' && role !== 'candidate';
    demand(isQuiet, 'S29', () => `${node.id} is ${role}, and has lost what it promised`);
    const { marks } = this.#history;
    if (event.type === 'quarantine' && this.#before.role === 'leader') {
      marks.leadersQuarantined += 1;
    }
    if (event.type === 'requestVote') marks.votesAskedInQuarantine += 1;
    if (actions.some((action) => action.type === 'persist' && action.append !== undefined)) {
      marks.entriesTakenInQuarantine += 1;
    }
  }
}
