import type { Answer } from '../../src/core/action.ts';
import type { Event } from '../../src/core/event.ts';
import type { History } from './history.ts';
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
    if (answer.type === 'readable') this.#onReadable(node, question, answer.index);
    else if (answer.type === 'accepted') onAccepted(node, question, answer);
    this.#mark(event, question, answer);
    return question;
  }

  #onReadable(node: WalkNode, question: Question, index: number): void {
    const floor = question.type === 'readIndex' ? question.floor : 0;
    demand(
      index >= floor,
      'S21',
      () => `${node.id} reads at ${index}; ${floor} was committed when the read was asked`,
    );
    this.#history.marks.readsConfirmed += 1;
  }

  #mark(event: Event, question: Question, answer: Answer): void {
    const { marks } = this.#history;
    if (answer.type === 'append' && !answer.response.accepted) marks.appendsRefused += 1;
    if (answer.type === 'vote' && !answer.response.granted && event.type === 'persisted') {
      marks.votesHeldAndRefused += 1;
    }
    if (answer.type !== 'refused') return;
    if (question.type === 'readIndex') marks.readsRefused += 1;
    if (question.type === 'changeMembership') marks.changesRefused += 1;
  }
}

function onAccepted(
  node: WalkNode,
  question: Question,
  { first, count }: Extract<Answer, { type: 'accepted' }>,
): void {
  const payloads = question.type === 'propose' ? question.payloads : undefined;
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
} as const;

function isFitting(question: Question, answer: Answer): boolean {
  switch (question.type) {
    case 'message':
      return answer.type === answersTo[question.message.type];
    case 'initialize':
      return answer.type === 'done' || answer.type === 'refused';
    case 'readIndex':
      return answer.type === 'readable' || answer.type === 'refused';
    default:
      return answer.type === 'accepted' || answer.type === 'refused';
  }
}
