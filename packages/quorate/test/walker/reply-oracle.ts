import type { Answer } from '../../src/core/action.ts';
import type { Event } from '../../src/core/event.ts';
import type { History } from './history.ts';
import type { Message } from './message.ts';
import { demand } from './violation.ts';
import type { Question, WalkNode } from './walk-node.ts';

/** Watches that each question gets one answer that fits, and that reads are current: S21, S22. */
export class ReplyOracle {
  readonly #history: History;

  constructor(history: History) {
    this.#history = history;
  }

  /** Returns the question that is now answered. */
  onReply(node: WalkNode, event: Event, request: number, answer: Answer): Question {
    const question = node.questions.get(request);
    demand(
      question !== undefined,
      'S22',
      () => `${node.id} answers request ${request}, which nobody put or which had its answer`,
    );
    node.questions.delete(request);
    demand(
      isFitting(question, answer),
      'S22',
      () => `${node.id} answers ${question.type} with ${answer.type}`,
    );
    if (answer.type === 'readable') this.#onReadable(node, event, { question, answer });
    else if (answer.type === 'accepted') onAccepted(node, question, answer);
    if (node.isQuarantined) checkSilence(node, answer);
    if (question.type === 'transferLeadership') this.#onTransferEnded(node, event, answer);
    this.#mark(event, question, answer);
    return question;
  }

  /** A follower's read has its index. Repeated answers are for the core to bear. */
  onReadAnswered(node: WalkNode, { read, response }: ReadAnswer): void {
    const floor = node.reads.get(read);
    if (floor === undefined) return;
    node.reads.delete(read);
    checkFloor(node, response.index, floor);
    this.#history.marks.readsOnFollowers += 1;
  }

  #onReadable(
    node: WalkNode,
    event: Event,
    { question, answer }: { question: Question; answer: Readable },
  ): void {
    if (question.type === 'readIndex') checkFloor(node, answer.index, question.floor);
    if (question.type === 'message' && question.message.type === 'readIndex') {
      checkFloor(node, answer.index, question.message.floor);
    }
    const { marks, leaders } = this.#history;
    marks.readsConfirmed += 1;
    if (event.type !== 'readIndex') {
      if (question.type === 'readIndex' && question.mode === 'lease') marks.leasesNotHeld += 1;
      return;
    }
    // Answered at once, on this node's word alone: then nobody else can have been elected.
    const newest = leaders.length - 1;
    demand(
      newest <= node.state.term,
      'S21',
      () => `${node.id} reads by its lease in term ${node.state.term}, and ${newest} has a leader`,
    );
    if (node.state.leadership?.progress.size !== 0) marks.readsByLease += 1;
  }

  #onTransferEnded(node: WalkNode, event: Event, answer: Answer): void {
    const { marks } = this.#history;
    if (answer.type === 'done') {
      marks.transfersDone += 1;
      const isUnseated = !node.leads && node.state.term > node.seenTerm;
      demand(isUnseated, 'S28', () => `${node.id} says that it has handed over, and has not`);
    } else if (event.type === 'transferLeadership') marks.transfersRefused += 1;
    else {
      marks.transfersFailed += 1;
      checkFailedTransfer(node, answer);
    }
  }

  #mark(event: Event, question: Question, answer: Answer): void {
    const { marks } = this.#history;
    if (answer.type === 'append' && !answer.response.accepted) marks.appendsRefused += 1;
    if (answer.type === 'vote' && !answer.response.granted && event.type === 'persisted') {
      marks.votesHeldAndRefused += 1;
    }
    if (answer.type !== 'refused') return;
    if (question.type === 'readIndex') marks.readsRefused += 1;
    if (answer.why.type === 'transferring') marks.proposalsDuringTransfer += 1;
    if (question.type === 'changeMembership') marks.changesRefused += 1;
  }
}

type ReadAnswer = Extract<Message, { type: 'readIndexAnswered' }>;
type Readable = Extract<Answer, { type: 'readable' }>;

function checkFloor(node: WalkNode, index: number, floor: number): void {
  demand(
    index >= floor,
    'S21',
    () => `${node.id} reads at ${index}; ${floor} was committed when the read was asked`,
  );
}

/** What was sent on this wire may always arrive, so who was asked to take over may do so (S28). */
function checkFailedTransfer(node: WalkNode, answer: Answer): void {
  if (answer.type !== 'refused' || answer.why.type !== 'transferFailed') return;
  const { isUnknown } = answer.why;
  const isAsked = node.transfer?.isTargetAsked ?? false;
  const claim = isUnknown ? 'may still come' : 'has failed for good';
  demand(isUnknown === isAsked, 'S28', () => `${node.id} says that its transfer ${claim}`);
}

/** Nobody may count on a node that forgot what it promised (S29). */
function checkSilence(node: WalkNode, answer: Answer): void {
  const isSilent =
    (answer.type !== 'vote' || !answer.response.granted) &&
    (answer.type !== 'append' || (!answer.response.accepted && answer.response.term === 0)) &&
    (answer.type !== 'snapshot' || answer.response.term === 0) &&
    answer.type !== 'readable' &&
    answer.type !== 'accepted';
  demand(isSilent, 'S29', () => `${node.id} gives its word by ${answer.type} in quarantine`);
}

function onAccepted(
  node: WalkNode,
  question: Question,
  { first, count }: Extract<Answer, { type: 'accepted' }>,
): void {
  const payloads = question.type === 'propose' ? question.payloads : undefined;
  const isFree = node.transfer === undefined;
  demand(isFree, 'S28', () => `${node.id} accepts entries while it hands over`);
  demand(
    count === (payloads?.length ?? 1),
    'S22',
    () => `${node.id} accepted ${count} entries of ${payloads?.length ?? 1}`,
  );
  for (let offset = 0; offset < count; offset += 1) {
    const entry = node.log[first.index + offset];
    const isThere =
      entry !== undefined &&
      entry.logId.term === first.term &&
      (payloads === undefined || entry.payload === payloads[offset]);
    demand(isThere, 'S22', () => `${node.id} accepted as ${first.index} what is not there`);
  }
}

const answersTo = {
  requestVote: 'vote',
  appendEntries: 'append',
  installSnapshot: 'snapshot',
  timeoutNow: 'done',
  readIndex: 'readable',
} as const;

function isFitting(question: Question, answer: Answer): boolean {
  switch (question.type) {
    case 'message':
      return (
        answer.type === answersTo[question.message.type] ||
        (question.message.type === 'readIndex' && answer.type === 'refused')
      );
    case 'initialize':
      return answer.type === 'done' || answer.type === 'refused';
    case 'transferLeadership':
      return answer.type === 'done' || answer.type === 'refused';
    case 'readIndex':
      return answer.type === 'readable' || answer.type === 'refused';
    default:
      return answer.type === 'accepted' || answer.type === 'refused';
  }
}
