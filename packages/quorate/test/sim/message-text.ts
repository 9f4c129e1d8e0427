import type { RaftRpc } from '../../src/contract/network.ts';
import type {
  AppendEntriesRequest,
  InstallSnapshotRequest,
  TimeoutNowRequest,
  VoteRequest,
} from '../../src/core/message.ts';
import type { LogId } from '../../src/core/types.ts';

/** A request in a few words, for people. */
export function requestText(kind: keyof RaftRpc, request: unknown): string {
  switch (kind) {
    case 'requestVote': {
      const { preVote, term, lastLogId } = request as VoteRequest;
      return `${preVote ? 'pre-vote' : 'vote'} term ${term}, last ${short(lastLogId)}`;
    }
    case 'appendEntries': {
      const { term, previous, entries, committed } = request as AppendEntriesRequest;
      const last = entries.at(-1)?.logId;
      const what = last === undefined ? 'nothing' : `${entries.length} up to ${short(last)}`;
      return `term ${term}, after ${short(previous)}: ${what}, committed ${committed}`;
    }
    case 'installSnapshot': {
      const { term, meta, offset, size } = request as InstallSnapshotRequest;
      return `term ${term}, up to ${short(meta.lastLogId)}, from byte ${offset} of ${size}`;
    }
    case 'timeoutNow':
      return `term ${(request as TimeoutNowRequest).term}`;
    case 'forward':
      return 'a write';
    default:
      return request === undefined ? '' : JSON.stringify(request);
  }
}

/** What was answered, in a few words. */
export function answerText(
  answer: { readonly response: unknown } | { readonly error: unknown },
): string {
  if ('error' in answer) {
    const { error } = answer;
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  const { response } = answer;
  if (typeof response !== 'object' || response === null) return '';
  const parts = Object.entries(response).map(([name, value]) => `${name} ${valueText(value)}`);
  return parts.join(', ');
}

function valueText(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (isLogId(value)) return short(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function isLogId(value: unknown): value is LogId {
  return typeof value === 'object' && value !== null && 'term' in value && 'index' in value;
}

/** Index and term, as `7@3`. */
export function short({ term, index }: LogId): string {
  return `${index}@${term}`;
}
