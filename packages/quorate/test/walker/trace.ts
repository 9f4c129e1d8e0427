import type { Action, Answer } from '../../src/core/action.ts';
import type { Event } from '../../src/core/event.ts';
import type { Entry, LogId, Payload, SnapshotMeta } from '../../src/core/types.ts';
import type { WalkNode } from './walk-node.ts';

/** Writes down what happens, one line an event, for a person to read. */
export class Tracer {
  readonly #write: (line: string) => void;
  step = 0;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  note(node: WalkNode | undefined, text: string): void {
    this.#write(`#${this.step} ${node?.id ?? '--'} ${text}`);
  }

  event(node: WalkNode, event: Event, actions: readonly Action[]): void {
    const { role, term, votedFor, committed, durable, verified, log } = node.state;
    const state = `${role} t${term}${votedFor === undefined ? '' : ` voted ${votedFor}`}`;
    const ends = `purged ${short(log.purged)} last ${short(log.last)} durable ${durable} verified ${verified} committed ${committed}`;
    const clock = Math.round(node.clock);
    this.#write(`#${this.step} ${node.id} <- ${eventText(node, event)}`);
    this.#write(`      at ${clock}: ${state}, ${ends}`);
    for (const action of actions) this.#write(`      -> ${actionText(action)}`);
  }

  logs(nodes: readonly WalkNode[]): void {
    for (const node of nodes) {
      const { vote, log, pending, purged, snapshot } = node.disk;
      const where = node.isUp ? 'up' : 'down';
      this.#write(`${node.id} ${where}, on disk: t${vote.term} voted ${vote.votedFor ?? '-'}`);
      const saved = snapshot === undefined ? 'none' : metaText(snapshot.meta);
      this.#write(`  purged ${node.purged}, on disk ${purged}, snapshot ${saved}`);
      this.#write(`  memory ${logText(node.log)}`);
      this.#write(
        `  disk   ${logText(log)}${pending.length === 0 ? '' : `, ${pending.length} writes`}`,
      );
    }
  }
}

function eventText(node: WalkNode, event: Event): string {
  switch (event.type) {
    case 'wake':
      return `wake ${event.type === 'wake' ? Math.round(node.clock) : ''}`;
    case 'initialize':
      return `initialize ?${event.request} ${event.membership.voters.join('+')}`;
    case 'propose':
      return `propose ?${event.request} ${event.payloads.length} entries`;
    case 'readIndex':
      return `readIndex ?${event.request} by ${event.mode}`;
    case 'readIndexAnswered':
      return `readIndexAnswered t${event.term} ${event.index}`;
    case 'transferLeadership':
      return `transferLeadership ?${event.request} to ${event.to ?? 'anybody'}`;
    case 'timeoutNow':
      return `timeoutNow ?${event.request} ${event.rpc.leader} t${event.rpc.term}`;
    case 'quarantine':
      return 'quarantine';
    case 'changeMembership':
      return `changeMembership ?${event.request} ${JSON.stringify(event.change)}`;
    case 'requestVote':
      return `requestVote ?${event.request} ${voteText(event.rpc)}`;
    case 'appendEntries': {
      const { term, leader, previous, entries, committed } = event.rpc;
      const head = `appendEntries ?${event.request} ${leader} t${term} after ${short(previous)}`;
      return `${head} [${listText(entries)}] committed ${committed}`;
    }
    case 'installSnapshot':
      return `installSnapshot ?${event.request} ${event.rpc.leader} t${event.rpc.term} ${metaText(event.rpc.meta)} from ${event.rpc.offset}`;
    case 'snapshotBuilt':
      return `snapshotBuilt ${metaText(event.meta)}, purge to ${event.purgeTo}`;
    case 'snapshotReceived':
      return `snapshotReceived ?${event.request} ${metaText(event.meta)}`;
    case 'snapshotFailed':
      return `snapshotFailed ?${event.request} ${event.stored} stored`;
    case 'snapshotAnswered':
    case 'voteAnswered':
    case 'appendAnswered':
      return `${event.type} !${event.call} ${JSON.stringify(event.response)}`;
    case 'sent':
      return `sent !${event.call} up to ${event.last}`;
    case 'unanswered':
      return `unanswered !${event.call}`;
    case 'persisted':
      return `persisted ${event.write}`;
    default:
      return `applied ${event.index}`;
  }
}

function actionText(action: Action): string {
  switch (action.type) {
    case 'persist': {
      const { write, vote, truncate, append } = action;
      const parts = [`persist ${write}:`];
      if (vote !== undefined) parts.push(`vote t${vote.term} ${vote.votedFor ?? '-'}`);
      if (truncate !== undefined) parts.push(`truncate to ${truncate}`);
      if (append !== undefined) parts.push(`append ${listText(append)}`);
      return parts.join(' ');
    }
    case 'reply':
      return `reply ?${action.request} ${answerText(action.answer)}`;
    case 'requestVote':
      return `call !${action.call} ${action.to} requestVote ${voteText(action.rpc)}`;
    case 'replicate': {
      const { term, previous, last, committed } = action.range;
      const range = `after ${short(previous)} up to ${last}`;
      return `call !${action.call} ${action.to} append t${term} ${range} committed ${committed}`;
    }
    case 'sendSnapshot':
      return `call !${action.call} ${action.to} snapshot t${action.term}`;
    case 'timeoutNow':
      return `call !${action.call} ${action.to} timeoutNow t${action.term}`;
    case 'receiveSnapshot':
      return `receive ?${action.request} ${metaText(action.rpc.meta)}`;
    case 'restore':
      return `restore ${metaText(action.meta)}`;
    case 'purge':
      return `purge ${short(action.logId)}`;
    default:
      return `apply ${action.index}`;
  }
}

function metaText({ id, lastLogId, membership }: SnapshotMeta): string {
  return `${id} up to ${short(lastLogId)}, membership ${short(membership.logId)}`;
}

function voteText(rpc: Extract<Action, { type: 'requestVote' }>['rpc']): string {
  const kind = rpc.preVote ? 'pre-vote' : 'vote';
  return `${kind} ${rpc.candidate} t${rpc.term} last ${short(rpc.lastLogId)}`;
}

function answerText(answer: Answer): string {
  return JSON.stringify('response' in answer ? answer.response : answer);
}

function listText(entries: readonly Entry[]): string {
  return entries.map(({ logId, payload }) => short(logId) + payloadText(payload)).join(' ');
}

function payloadText(payload: Payload): string {
  if (payload.type === 'blank') return ':blank';
  if (payload.type !== 'membership') return '';
  const { voters, nodes } = payload.membership;
  const learners = Object.keys(nodes).filter((id) => !voters.flat().includes(id));
  return `:{${voters.map((set) => set.join(',')).join('}+{')}}/{${learners.join(',')}}`;
}

/** Index and term, as `7@3`. */
function short({ term, index }: LogId): string {
  return `${index}@${term}`;
}

/** A log as runs of one term, as `1-4@1 5@2`, with its memberships spelled out. */
export function logText(log: readonly Entry[]): string {
  const parts: string[] = [];
  let first = 1;
  for (let index = 1; index < log.length; index += 1) {
    const { logId, payload } = log[index] as Entry;
    const next = log[index + 1];
    if (payload.type === 'membership') parts.push(short(logId) + payloadText(payload));
    if (next?.logId.term === logId.term) continue;
    parts.push(first === index ? short(logId) : `${first}-${index}@${logId.term}`);
    first = index + 1;
  }
  return parts.join(' ') || 'empty';
}
