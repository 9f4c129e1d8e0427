import type { CallId } from '../../src/core/event.ts';
import type {
  AppendEntriesRequest,
  AppendEntriesResponse,
  VoteRequest,
  VoteResponse,
} from '../../src/core/message.ts';

/** Who called whom. The answer finds the caller again only if it was not restarted since. */
interface Call {
  readonly from: number;
  readonly to: number;
  readonly call: CallId;
  /** The caller's incarnation. */
  readonly incarnation: number;
  /** The caller's campaign when it called, to see which answers count for it. */
  readonly campaign: number;
}

export type Request =
  | (Call & { readonly type: 'requestVote'; readonly rpc: VoteRequest })
  | (Call & { readonly type: 'appendEntries'; readonly rpc: AppendEntriesRequest });

export type Answer =
  | (Call & {
      readonly type: 'voteAnswered';
      readonly rpc: VoteRequest;
      readonly response: VoteResponse;
    })
  | (Call & {
      readonly type: 'appendAnswered';
      readonly rpc: AppendEntriesRequest;
      readonly response: AppendEntriesResponse;
    });

/** `from` is the caller in both directions: an answer travels from `to` to `from`. */
export type Message = Request | Answer;

export function isRequest(message: Message): message is Request {
  return message.type === 'requestVote' || message.type === 'appendEntries';
}
