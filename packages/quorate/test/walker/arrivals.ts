import type { Event, RequestId } from '../../src/core/event.ts';
import type { CommitOracle } from './commit-oracle.ts';
import type { History } from './history.ts';
import type { Answer, Message, Request } from './message.ts';
import { isRequest } from './message.ts';
import type { Recorder } from './recorder.ts';
import type { ReplyOracle } from './reply-oracle.ts';
import type { VoteOracle } from './vote-oracle.ts';
import type { WalkNode } from './walk-node.ts';

interface Options {
  readonly history: History;
  readonly votes: VoteOracle;
  readonly commits: CommitOracle;
  readonly replies: ReplyOracle;
  readonly recorder: Recorder | undefined;
  readonly give: (node: WalkNode, event: Event) => void;
  /** Draws whether a caller never hears that its call was lost. */
  readonly losesSilently: () => boolean;
}

/** What a message does where it arrives, and to whom it is lost. */
export class Arrivals {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Hands a message over, or loses it if its receiver is not there any more. */
  deliver(message: Message): void {
    if (isRequest(message)) this.#deliverRequest(message);
    else this.#deliverAnswer(message);
  }

  /** The message never arrives. The caller may hear of it, at once, or never. */
  lose(message: Message): void {
    const { history, losesSilently } = this.#options;
    history.marks.messagesLost += 1;
    const node = this.#node(message.from);
    if (!node.isUp || node.incarnation !== message.incarnation) return;
    if (message.call === 0 || losesSilently()) return;
    this.fail(message);
  }

  /** The caller hears that its call was lost. */
  fail(message: Message): void {
    const { history, give, recorder } = this.#options;
    recorder?.noteMessage('unanswered', message);
    history.marks.callsUnanswered += 1;
    give(this.#node(message.from), { type: 'unanswered', call: message.call });
  }

  #deliverRequest(message: Request): void {
    const { history, give, recorder } = this.#options;
    const node = this.#node(message.to);
    if (!node.isUp) {
      this.lose(message);
      return;
    }
    recorder?.noteMessage('deliver', message);
    if (message.type === 'installSnapshot') {
      const isNeeded = message.rpc.meta.lastLogId.index > node.state.committed;
      if (!isNeeded) history.marks.snapshotsNotNeeded += 1;
    }
    give(node, questionOf(message, node.ask({ type: 'message', message })));
  }

  #deliverAnswer(message: Answer): void {
    const { votes, commits, replies, recorder, history, give } = this.#options;
    const node = this.#node(message.from);
    if (!node.isUp || node.incarnation !== message.incarnation) return;
    recorder?.noteMessage('deliver', message);
    if (message.type === 'voteAnswered') votes.onAnswer(node, message);
    if (message.type === 'snapshotAnswered') node.stored[message.to] = message.response.stored;
    if (message.type === 'readIndexAnswered') replies.onReadAnswered(node, message);
    if (message.type === 'appendAnswered') this.#noteRefusal(node, message);
    const progress = node.state.leadership?.progress.get(this.#node(message.to).id);
    const before = progress?.state;
    const { committed } = node.state;
    give(node, outcomeOf(message));
    if (!node.isUp || node.incarnation !== message.incarnation) return;
    if (message.type === 'readIndexAnswered') {
      if (node.state.committed > committed) history.marks.commitsByReadAnswer += 1;
    } else if (message.type !== 'voteAnswered') commits.onAnswered(node, this.#node(message.to));
    if (message.type !== 'appendAnswered') return;
    const hasLeft = before === 'snapshot' && progress?.state !== before;
    if (hasLeft) history.marks.snapshotStatesEndedByEntries += 1;
  }

  #noteRefusal({ refusals }: WalkNode, message: Extract<Answer, { type: 'appendAnswered' }>): void {
    if (!message.response.accepted) refusals.add(message.to);
    else if (refusals.delete(message.to)) this.#options.history.marks.repairsAfterRefusal += 1;
  }

  #node(at: number): WalkNode {
    return this.#options.history.nodes[at] as WalkNode;
  }
}

/** What a request is to the node that it reaches. */
function questionOf(message: Request, request: RequestId): Event {
  switch (message.type) {
    case 'requestVote':
      return { type: 'requestVote', request, rpc: message.rpc };
    case 'appendEntries':
      return { type: 'appendEntries', request, rpc: message.rpc };
    case 'installSnapshot':
      return { type: 'installSnapshot', request, rpc: message.rpc };
    case 'timeoutNow':
      return { type: 'timeoutNow', request, rpc: message.rpc };
    default:
      return { type: 'readIndex', request, mode: message.rpc.mode };
  }
}

/** What an answer is to the node that it comes back to. */
function outcomeOf(message: Answer): Event {
  const { call } = message;
  switch (message.type) {
    case 'voteAnswered':
      return { type: 'voteAnswered', call, response: message.response };
    case 'appendAnswered':
      return { type: 'appendAnswered', call, response: message.response };
    case 'snapshotAnswered':
      return { type: 'snapshotAnswered', call, response: message.response };
    default:
      return { type: 'readIndexAnswered', ...message.response };
  }
}
