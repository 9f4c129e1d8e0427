import type { Entry, LogId } from '../../src/core/types.ts';
import type { Cluster, ClusterState } from './cluster.ts';
import type { Message } from './messages.ts';
import { isRequest } from './messages.ts';
import type { NodeEvent } from './node-step.ts';
import { kinds, type Summary } from './node-table.ts';
import { nodeIds } from './permutations.ts';

/** What an event is, for a person who reads a path. */
export function describeEvent(cluster: Cluster, state: ClusterState, code: number): string {
  const { nodes, messages } = cluster;
  const at = nodes.placeOf(code);
  const name = nodeIds[at] as string;
  const id = code >>> 2;
  const kind = code & 3;
  if (kind === kinds.command) {
    const { role } = nodes.summary(state[at] as number);
    return `${name} ${describeCommand(nodes.commands.data(id).event, role === 'leader')}`;
  }
  const text = describeMessage(cluster, messages.data(id));
  if (kind === kinds.unanswered) return `${name} gives up ${text} to ${messages.request(id).to}`;
  const again = kind === kinds.repeat ? ', and may get it again' : '';
  return `${name} gets ${text}${again}`;
}

function describeCommand(event: NodeEvent, leads: boolean): string {
  switch (event.type) {
    case 'wake':
      return leads ? 'says that it leads' : 'waits no longer and campaigns';
    case 'persisted':
      return `has ${event.writes === 1 ? 'a write' : `${event.writes} writes`} on its disk`;
    case 'propose':
      return 'is given a command';
    case 'change': {
      const rest = event.keepRemoved ? 'others stay as learners' : 'others leave';
      return `is to make ${event.voters.join(', ')} the voters; ${rest}`;
    }
    case 'crash': {
      const torn = event.parts === 0 ? '' : ` and ${event.parts} parts of the next`;
      return `crashes with ${event.writes} of its open writes on disk${torn}, and starts again`;
    }
    default:
      return event.type;
  }
}

function describeMessage({ messages }: Cluster, message: Message): string {
  if (!isRequest(message)) {
    const request = messages.request(message.request);
    return `${describeAnswer(message)} from ${request.to}, to ${describeRequest(request)}`;
  }
  return `${describeRequest(message)}, from ${message.from}`;
}

function describeRequest(message: Extract<Message, { from: string }>): string {
  if (message.type === 'requestVote') {
    const { term, preVote, lastLogId } = message.rpc;
    const what = preVote ? 'pre-vote' : 'vote';
    return `the request for a ${what} in term ${term} with a log up to ${idText(lastLogId)}`;
  }
  const { term, previous, entries, committed } = message.rpc;
  const what = entries.length === 0 ? 'nothing' : entries.map(entryText).join(' ');
  return `the append in term ${term} of ${what} after ${idText(previous)}, committed ${committed}`;
}

function describeAnswer(message: Exclude<Message, { from: string }>): string {
  const { term } = message.response;
  if (message.type === 'voteAnswered') {
    return `a ${message.response.granted ? 'yes' : 'no'} of term ${term}`;
  }
  const { response } = message;
  const word = response.accepted ? `match ${response.match}` : `refusal, ${idText(response.hint)}`;
  return `a ${word} of term ${term}`;
}

/** The three nodes after an event: role, term, commit index, and the log with what is on disk. */
export function describeNodes(cluster: Cluster, state: ClusterState): string {
  return cluster
    .summaries(state)
    .map((node) => describeNode(cluster, node))
    .join(' | ');
}

function describeNode(cluster: Cluster, node: Summary): string {
  const { at, role, term, committed, log, diskLog, diskTerm } = node;
  const entries = cluster.run(log).map(entryText).join(' ');
  const stored = log === diskLog ? '' : ` disk ${cluster.run(diskLog).map(entryText).join(' ')}`;
  const vote = diskTerm === term ? '' : ` (disk ${diskTerm})`;
  return `${nodeIds[at]} ${role} ${term}${vote} commit ${committed} log ${entries}${stored}`;
}

/** Term and index, and for a membership its voters: `1.3` or `1.4{n1,n2}`. */
function entryText({ logId, payload }: Entry): string {
  if (payload.type === 'blank') return `${idText(logId)}-`;
  if (payload.type !== 'membership') return idText(logId);
  const sets = payload.membership.voters.map((set) => `{${set.join(',')}}`);
  return `${idText(logId)}${sets.join('+')}`;
}

function idText({ term, index }: LogId): string {
  return `${term}.${index}`;
}
