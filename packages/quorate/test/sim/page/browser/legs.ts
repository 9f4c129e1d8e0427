import type { TraceEvent } from '../../trace.ts';

/**
 * One way of a message on the diagram: the call, or its answer. `start` and `end` are places, which
 * is what the page calls the index of an event in the list, from 0.
 */
export type Leg = {
  readonly message: number;
  readonly way: 'call' | 'answer';
  readonly from: string;
  readonly to: string;
  readonly start: number;
  readonly end: number;
  /** `open` was sent, and the run ended before anything became of it. */
  readonly outcome: 'arrived' | 'lost' | 'open';
  readonly kind: string;
  /** The sender's term when the call was sent, as far as the trace had told. */
  readonly term: number;
};

type Sent = {
  readonly place: number;
  readonly from: string;
  readonly to: string;
  readonly kind: string;
  readonly term: number;
  /** Where it arrived first: the answer starts there, and copies are not answered. */
  delivered?: number;
  isSettled: boolean;
};

/** All ways of all messages in the order in which they start. A repeated delivery is a leg too. */
export function readLegs(events: readonly TraceEvent[]): readonly Leg[] {
  const legs: Leg[] = [];
  const sent = new Map<number, Sent>();
  const terms = new Map<string, number>();
  for (const [place, event] of events.entries()) {
    if (event.type === 'role') terms.set(event.node, event.term);
    if (event.type === 'send') {
      const { from, to, kind } = event;
      const term = terms.get(from) ?? 0;
      sent.set(event.message, { place, from, to, kind, term, isSettled: false });
      continue;
    }
    if (!('message' in event)) continue;
    const message = sent.get(event.message);
    if (message !== undefined) legs.push(legOf(event.message, message, event.type, place));
  }
  for (const [number, message] of sent) {
    if (message.isSettled) continue;
    legs.push({ ...callLeg(number, message, message.place), outcome: 'open' });
  }
  return legs.sort((left, right) => left.start - right.start);
}

function legOf(
  number: number,
  message: Sent,
  fate: 'deliver' | 'lose' | 'answer' | 'loseAnswer',
  place: number,
): Leg {
  message.isSettled = true;
  if (fate === 'deliver' || fate === 'lose') {
    if (fate === 'deliver') message.delivered ??= place;
    const outcome = fate === 'deliver' ? 'arrived' : 'lost';
    return { ...callLeg(number, message, place), outcome };
  }
  return {
    message: number,
    way: 'answer',
    from: message.to,
    to: message.from,
    start: message.delivered ?? message.place,
    end: place,
    outcome: fate === 'answer' ? 'arrived' : 'lost',
    kind: message.kind,
    term: message.term,
  };
}

function callLeg(number: number, message: Sent, end: number): Omit<Leg, 'outcome'> {
  const { from, to, kind, term, place } = message;
  return { message: number, way: 'call', from, to, start: place, end, kind, term };
}
