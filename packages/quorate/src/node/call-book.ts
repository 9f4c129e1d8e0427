import type { CallId } from '../core/event.ts';
import type { LogIndex, NodeId } from '../core/types.ts';

export type CallType = 'append' | 'heartbeat' | 'vote' | 'snapshot' | 'timeoutNow';

/** A call under way, as it was when it began. */
export interface BookedCall {
  call: CallId;
  type: CallType;
  to: NodeId;
  /** Where its entries begin. */
  previous: LogIndex;
  /** Where they end, if all go out. */
  last: LogIndex;
  /** Its entries are among those that are counted as sent. */
  isCounted: boolean;
  at: number;
}

/** More than are ever under way in a cluster of usual size. */
const places = 256;

/**
 * Which calls are under way, and since when. Each new one takes the place of the one that many
 * calls before it; if that is not answered yet, it is timed no more. Places are reused, so that
 * nothing is allocated for a call.
 */
export class CallBook {
  readonly #places: BookedCall[] = Array.from({ length: places }, () => ({
    call: 0,
    type: 'append',
    to: '',
    previous: 0,
    last: 0,
    isCounted: false,
    at: 0,
  }));

  begin(call: CallId, type: CallType, to: NodeId, at: number): BookedCall {
    const place = this.#places[call % places] as BookedCall;
    place.call = call;
    place.type = type;
    place.to = to;
    place.previous = 0;
    place.last = 0;
    place.isCounted = false;
    place.at = at;
    return place;
  }

  find(call: CallId): BookedCall | undefined {
    const place = this.#places[call % places] as BookedCall;
    return place.call === call ? place : undefined;
  }

  /** Returns the call if it was under way. What is returned is good until the next call begins. */
  end(call: CallId): BookedCall | undefined {
    const place = this.find(call);
    if (place !== undefined) place.call = 0;
    return place;
  }
}
