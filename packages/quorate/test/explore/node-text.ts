import type { Held } from '../../src/core/held.ts';
import type { Campaign, Leadership } from '../../src/core/office.ts';
import type { OpenCall, Progress } from '../../src/core/progress.ts';
import type { CoreState } from '../../src/core/state.ts';
import type { Term } from '../../src/core/types.ts';
import type { Logs } from './logs.ts';
import type { Messages, Request } from './messages.ts';
import type { NodeState } from './node-state.ts';
import { digest, renamed, renamedBits, renamedPlace, textOf } from './permutations.ts';

/** The core's state with its private fields, as `open-core.ts` shows them. */
type OpenState = CoreState & {
  readonly $lastWrite: number;
  readonly $persistedWrite: number;
  readonly $voteWrite: number;
  readonly $held: readonly { readonly write: number; readonly held: Held }[];
  readonly $unwritten: readonly { readonly write: number; readonly last: number }[];
};

/**
 * What decides nothing here. Whoever is woken has waited long enough, whatever the clock says, and
 * only leases, check-quorum, reads and transfers look at times or at the order of calls; none of
 * them is explored. All other fields count, those that are still to be invented too.
 */
const deadFields: ReadonlySet<string> = new Set([
  'options',
  'now',
  'electionAt',
  'leaderHeardAt',
  'beatAt',
  'heartbeatAt',
  'contactAt',
  'lastAckAt',
  'answeredCall',
  '$diskHeardAt',
  '$lastCall',
]);

/** Shown in another way: relative to each other, or by the message that a number stands for. */
const shownFields: ReadonlySet<string> = new Set([
  '$lastWrite',
  '$persistedWrite',
  '$voteWrite',
  '$held',
  '$unwritten',
  'campaign',
  'leadership',
]);

interface Tables {
  readonly logs: Logs;
  readonly messages: Messages;
}

/**
 * A key that two states of a node share if and only if nothing can ever tell them apart. Writes are
 * counted from the last one that is durable, and calls and questions go by their messages.
 */
export function nodeKey(node: NodeState, permutation: number, tables: Tables): string {
  const { logs, messages } = tables;
  const run = (entries: NodeState['log']): number =>
    logs.runs.renamed(logs.idOf(entries), permutation);
  const message = (id: number): number => messages.renamed(id, permutation);
  const { term, campaign } = node.core.state;
  const isAsking = campaign?.phase === 'vote' && node.grantsTerm === term;
  // What an older term said is never said again.
  const made = [...node.made]
    .filter(([id]) => termOf(messages.request(id)) === term)
    .map(([id, count]) => `${message(id)}*${count}`)
    .sort();
  const pending = node.pending.map(({ vote, truncate, append }) => [
    vote,
    truncate,
    append === undefined ? -1 : run([...append]),
  ]);
  return digest(
    textOf([
      renamedPlace(node.at, permutation),
      node.incarnation,
      run(node.log),
      run(node.disk.log),
      renamed([node.disk.vote, pending, [...node.released].sort(([a], [b]) => a - b)], permutation),
      made,
      isAsking ? renamedBits(node.grants, permutation) : 0,
      coreText(node, permutation, message),
    ]),
  );
}

/** The term in which a call was made; a pre-vote asks about the one after it. */
function termOf(request: Request): Term {
  const isPreVote = request.type === 'requestVote' && request.rpc.preVote;
  return isPreVote ? request.rpc.term - 1 : request.rpc.term;
}

function coreText(
  node: NodeState,
  permutation: number,
  message: (id: number) => number,
): readonly unknown[] {
  const core = node.core.state as OpenState;
  const durable = core.$persistedWrite;
  const question = (request: number): number => {
    const id = node.questions.get(request);
    return id === undefined ? -1 : message(id);
  };
  const plain = Object.entries(core).filter(
    ([name]) => !deadFields.has(name) && !shownFields.has(name),
  );
  const held = core.$held.map(({ write, held: one }) => [
    Math.max(0, write - durable),
    renamed('request' in one ? { ...one, request: question(one.request) } : one, permutation),
  ]);
  return [
    renamed(
      plain.map(([name, value]) => [name, withoutDead(value)]),
      permutation,
    ),
    core.electionAt === Infinity,
    core.$lastWrite - durable,
    Math.max(0, core.$voteWrite - durable),
    held,
    core.$unwritten.map(({ write, last }) => [write - durable, last]),
    campaignText(node, core.campaign, { permutation, message }),
    leadershipText(node, core.leadership, { permutation, message }),
  ];
}

interface Naming {
  readonly permutation: number;
  readonly message: (id: number) => number;
}

function campaignText(
  node: NodeState,
  campaign: Campaign | undefined,
  { permutation, message }: Naming,
): unknown {
  if (campaign === undefined) return 0;
  const { tally, calls, ...rest } = campaign;
  const names = [...calls.keys()].map((call) => message(node.calls.get(call) ?? -1));
  return [withoutDead(rest), sortedPairs(tally, permutation), names.sort((a, b) => a - b)];
}

function leadershipText(
  node: NodeState,
  leadership: Leadership | undefined,
  { permutation, message }: Naming,
): unknown {
  if (leadership === undefined) return 0;
  const { progress, calls, ...rest } = leadership;
  const open = [...calls].map(([call, made]) => [
    message(node.calls.get(call) ?? -1),
    withoutDead(callText(made)),
  ]);
  const others = new Map(
    [...progress].map(([id, one]) => [id, withoutDead(progressText(node, one, message))]),
  );
  return [withoutDead(rest), sortedPairs(others, permutation), open.map(textOf).sort()];
}

function callText({ progress, epoch, ...rest }: OpenCall): object {
  return { ...rest, counts: progress.epoch === epoch };
}

function progressText(node: NodeState, one: Progress, message: Naming['message']): object {
  const { epoch: _, id: _id, sending, snapshotCall, ...rest } = one;
  const named = [sending, snapshotCall].map((call) =>
    call === undefined ? -1 : message(node.calls.get(call) ?? -1),
  );
  return { ...rest, named };
}

function sortedPairs(map: ReadonlyMap<string, unknown>, permutation: number): readonly string[] {
  return [...map].map((pair) => textOf(renamed(pair, permutation))).sort();
}

/** Plain data of what a core holds; a map has no place here, since its order would count. */
function withoutDead(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (value instanceof Map) throw new Error('the core holds a map that is not known here');
  if (Array.isArray(value)) return value.map(withoutDead);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !deadFields.has(name))
      .map(([name, one]) => [name, withoutDead(one)]),
  );
}
