import type { Answer as CoreAnswer } from '../../src/core/action.ts';
import type { CallId } from '../../src/core/event.ts';
import type {
  AppendEntriesRequest,
  AppendEntriesResponse,
  InstallSnapshotRequest,
  InstallSnapshotResponse,
  ReadIndexRequest,
  ReadIndexResponse,
  TimeoutNowRequest,
  VoteRequest,
  VoteResponse,
} from '../../src/core/message.ts';
import type { SavedSnapshot } from './saved-snapshot.ts';

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

interface Reading {
  readonly read: number;
  /** What anybody had committed when the read was asked. */
  readonly floor: number;
}

export type Request =
  | (Call & { readonly type: 'requestVote'; readonly rpc: VoteRequest })
  | (Call & { readonly type: 'appendEntries'; readonly rpc: AppendEntriesRequest })
  | (Call & {
      readonly type: 'installSnapshot';
      readonly rpc: InstallSnapshotRequest;
      readonly snapshot: SavedSnapshot;
    })
  | (Call & { readonly type: 'timeoutNow'; readonly rpc: TimeoutNowRequest })
  /** A reader on a follower asks its leader; no call of the core's. */
  | (Call & { readonly type: 'readIndex'; readonly rpc: ReadIndexRequest } & Reading);

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
    })
  | (Call & {
      readonly type: 'snapshotAnswered';
      readonly rpc: InstallSnapshotRequest;
      readonly response: InstallSnapshotResponse;
    })
  | (Call & { readonly type: 'readIndexAnswered'; readonly response: ReadIndexResponse } & Reading);

/** `from` is the caller in both directions: an answer travels from `to` to `from`. */
export type Message = Request | Answer;

const requests: ReadonlySet<Message['type']> = new Set([
  'requestVote',
  'appendEntries',
  'installSnapshot',
  'timeoutNow',
  'readIndex',
] as const);

export function isRequest(message: Message): message is Request {
  return requests.has(message.type);
}

export function answerTo(message: Request, answer: CoreAnswer): Answer {
  const { from, to, call, incarnation, campaign } = message;
  const head = { from, to, call, incarnation, campaign };
  if (message.type === 'requestVote' && answer.type === 'vote') {
    return { type: 'voteAnswered', ...head, rpc: message.rpc, response: answer.response };
  }
  if (message.type === 'appendEntries' && answer.type === 'append') {
    return { type: 'appendAnswered', ...head, rpc: message.rpc, response: answer.response };
  }
  if (message.type === 'installSnapshot' && answer.type === 'snapshot') {
    return { type: 'snapshotAnswered', ...head, rpc: message.rpc, response: answer.response };
  }
  if (message.type === 'readIndex' && answer.type === 'readable') {
    const { read, floor } = message;
    const { term, index } = answer;
    return { type: 'readIndexAnswered', ...head, read, floor, response: { term, index } };
  }
  throw new Error(`${message.type} cannot be answered with ${answer.type}`);
}
