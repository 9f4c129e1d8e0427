import type { Action } from '../../src/core/action.ts';
import type { Event } from '../../src/core/event.ts';
import type { Entry, LogIndex, NodeId, Role, Term } from '../../src/core/types.ts';
import type { Write } from '../walker/disk.ts';
import { demand } from '../walker/violation.ts';
import { membershipOf, votersOf } from './logs.ts';
import type { NodeState } from './node-state.ts';
import { textOf } from './permutations.ts';

/** A node as a step found it. */
export interface Before {
  readonly role: Role;
  readonly term: Term;
  readonly votedFor: NodeId | undefined;
  readonly electionAt: number;
  readonly committed: LogIndex;
  /** The voter sets in force, as bits. */
  readonly voters: readonly number[];
}

/** A term or a vote leaves a node: it is on its disk (S3), and its only vote in that term (S2). */
export function checkRelease(node: NodeState, term: Term, votedFor: NodeId | undefined): void {
  const { id, disk, released } = node;
  const { vote } = disk;
  demand(
    vote.term >= term,
    'S3',
    () => `${id} speaks of term ${term} while its disk has term ${vote.term}`,
  );
  if (votedFor === undefined) return;
  demand(
    vote.term === term && vote.votedFor === votedFor,
    'S3',
    () => `${id} votes for ${votedFor} in term ${term}; its disk has ${vote.votedFor}`,
  );
  const before = released.get(term);
  demand(
    before === undefined || before === votedFor,
    'S2',
    () => `${id} voted for ${before} and for ${votedFor} in term ${term}`,
  );
  released.set(term, votedFor);
}

/** A match leaves: all up to it is on the disk, as it is in memory (S4). */
export function checkAccepted({ id, disk, log }: NodeState, match: LogIndex): void {
  const isStored =
    match <= disk.log.length && log.slice(0, match).every((entry, at) => entry === disk.log[at]);
  demand(isStored, 'S4', () => `${id} accepts up to ${match}, which is not all on its disk`);
}

/** The node wants its log changed, and memory still holds it as it was: S5 to S7, S13, S16. */
export function checkWrite(node: NodeState, event: Event, write: Write): void {
  const { truncate, append = [] } = write;
  if (truncate !== undefined) checkTruncation(node, event, truncate);
  const log = truncate === undefined ? node.log : node.log.slice(0, truncate);
  let last = log.at(-1);
  for (const entry of append) {
    const { term, index } = entry.logId;
    const name = `entry ${index} of term ${term}`;
    const isNext = index === (last?.logId.index ?? 0) + 1 && term >= (last?.logId.term ?? 0);
    demand(isNext, 'S6', () => `${node.id} put ${name} after entry ${last?.logId.index}`);
    if (event.type === 'appendEntries') {
      const isTheirs = event.rpc.entries.some((one) => textOf(one) === textOf(entry));
      demand(isTheirs, 'S7', () => `${node.id} made up ${name}`);
    } else {
      const leads = node.core.state.role === 'leader' && node.core.state.term === term;
      demand(leads, 'S7', () => `${node.id} made ${name} and does not lead that term`);
      if (entry.payload.type === 'membership') checkChange(node, entry);
    }
    last = entry;
  }
}

function checkTruncation(node: NodeState, event: Event, index: LogIndex): void {
  const { id, log, core } = node;
  demand(core.state.role !== 'leader', 'S5', () => `${id} leads and truncates to ${index}`);
  demand(event.type === 'appendEntries', 'S13', () => `${id} truncates at ${event.type}`);
  const theirs = event.rpc.entries.find(({ logId }) => logId.index === index + 1);
  const own = log[index];
  demand(
    own !== undefined && theirs !== undefined && own.logId.term !== theirs.logId.term,
    'S13',
    () => `${id} truncates to ${index}, though entry ${index + 1} is no conflict`,
  );
}

/** A leader appends a membership: one at a time, one step, after a commit in its own term (S16). */
function checkChange({ id, log, core }: NodeState, entry: Entry): void {
  const { term, committed } = core.state;
  const change = log.findLast(({ payload }) => payload.type === 'membership');
  demand(
    (change?.logId.index ?? 0) <= committed,
    'S16',
    () => `${id} began a change while that of entry ${change?.logId.index} was under way`,
  );
  demand(
    log[committed - 1]?.logId.term === term,
    'S16',
    () => `${id} began a change before it had committed an entry of term ${term}`,
  );
  const from = votersOf(membershipOf(log));
  const to = votersOf(membershipOf([entry]));
  const isStep = from.at(-1) === to[0] && from.length <= 2 && to.length === 3 - from.length;
  demand(
    isStep,
    'S16',
    () => `${id} took the voters from ${textOf(from)} to ${textOf(to)} at once`,
  );
}

/** What a step may do to a node: S11, S12, S14, S17 and S20. */
export function checkAfter(
  node: NodeState,
  event: Event,
  { before, actions }: { before: Before; actions: readonly Action[] },
): void {
  const { id, log, core } = node;
  const { term, committed, membership, role, votedFor, electionAt } = core.state;
  demand(term >= before.term, 'S14', () => `${id} went from term ${before.term} back to ${term}`);
  demand(
    committed >= before.committed && committed <= log.length,
    'S11',
    () => `${id} moved its commit index from ${before.committed} to ${committed}`,
  );
  if (committed > before.committed && before.role === 'leader' && before.term === term) {
    const newest = log[committed - 1]?.logId.term;
    demand(
      newest === term,
      'S12',
      () => `${id} leads term ${term} and committed entry ${committed} of term ${newest}`,
    );
  }
  const inLog = log.findLast(({ payload }) => payload.type === 'membership');
  demand(
    membership.logId.index === (inLog?.logId.index ?? 0) &&
      textOf(votersOf(membership)) === textOf(votersOf(membershipOf(log))),
    'S17',
    () => `${id} goes by the membership of entry ${membership.logId.index}, unlike its log`,
  );
  if (event.type !== 'requestVote' || !event.rpc.preVote) return;
  const isUntouched =
    actions.every(({ type }) => type === 'reply') &&
    role === before.role &&
    term === before.term &&
    votedFor === before.votedFor &&
    electionAt === before.electionAt;
  demand(isUntouched, 'S20', () => `a pre-vote request changed ${id}`);
}
