import type {
  AppendEntriesRequest,
  AppendEntriesResponse,
  VoteRequest,
  VoteResponse,
} from '../../src/core/message.ts';
import type { NodeId } from '../../src/core/types.ts';
import { Orbits } from './orbits.ts';
import { placeOf, renamed } from './permutations.ts';

/** Who called whom. Two calls that say the same are told apart by `ordinal`, as call ids would. */
interface Call {
  readonly from: NodeId;
  readonly to: NodeId;
  /** The caller's: an answer does not find a caller that has started again. */
  readonly incarnation: number;
  readonly ordinal: number;
}

export type Request =
  | (Call & { readonly type: 'requestVote'; readonly rpc: VoteRequest })
  | (Call & { readonly type: 'appendEntries'; readonly rpc: AppendEntriesRequest });

/** `request` is the number of the message that is answered, and so the name of the call. */
export type Answer =
  | { readonly type: 'voteAnswered'; readonly request: number; readonly response: VoteResponse }
  | {
      readonly type: 'appendAnswered';
      readonly request: number;
      readonly response: AppendEntriesResponse;
    };

export type Message = Request | Answer;

/** Every message that was ever sent, by number. */
export class Messages {
  readonly #orbits: Orbits<Message> = new Orbits<Message>((message, permutation) =>
    isRequest(message)
      ? renamed(message, permutation)
      : { ...message, request: this.renamed(message.request, permutation) },
  );
  /** By number: the place of the node that it reaches. */
  readonly #targets: number[] = [];

  get size(): number {
    return this.#orbits.size;
  }

  idOf(message: Message): number {
    return this.#orbits.idOf(message);
  }

  renamed(id: number, permutation: number): number {
    return this.#orbits.renamed(id, permutation);
  }

  data(id: number): Message {
    return this.#orbits.data(id);
  }

  /** The request that this message is, or answers. */
  requestId(id: number): number {
    const message = this.data(id);
    return isRequest(message) ? id : message.request;
  }

  request(id: number): Request {
    const message = this.data(this.requestId(id));
    if (!isRequest(message)) throw new Error(`message ${id} answers an answer`);
    return message;
  }

  target(id: number): number {
    const known = this.#targets[id];
    if (known !== undefined) return known;
    const request = this.request(id);
    const target = placeOf(isRequest(this.data(id)) ? request.to : request.from);
    this.#targets[id] = target;
    return target;
  }
}

export function isRequest(message: Message): message is Request {
  return message.type === 'requestVote' || message.type === 'appendEntries';
}
