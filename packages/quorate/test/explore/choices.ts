import type { NodeId } from '../../src/core/types.ts';
import { type Bounds, type Budget, budgets } from './bounds.ts';
import type { Messages } from './messages.ts';
import { type Command, kinds, type NodeTable, type Summary } from './node-table.ts';
import { nodeCount, nodeIds } from './permutations.ts';

interface Explored {
  readonly bounds: Bounds;
  readonly nodes: NodeTable;
  readonly messages: Messages;
  spent(state: readonly number[], budget: Budget): number;
}

const headLength = nodeCount + 2;

/** By node, and by which budgets are not spent: asked far too often to be worked out each time. */
const known: WeakMap<Summary, Map<number, readonly number[]>> = new WeakMap();

/** Every event that can come next in `state`, as its number. */
export function listChoices(
  cluster: Explored,
  state: readonly number[],
  summaries: readonly Summary[],
): number[] {
  const codes: number[] = [];
  const may = (budget: Budget): boolean => cluster.spent(state, budget) < cluster.bounds[budget];
  const mayRepeat = may('duplicates');
  for (let place = headLength; place < state.length; place += 1) {
    const id = state[place] as number;
    // Equal ones lie next to each other, and it does not matter which of them arrives.
    if (place > headLength && state[place - 1] === id) continue;
    codes.push(id * 4 + kinds.deliver);
    if (mayRepeat) codes.push(id * 4 + kinds.repeat);
  }
  const unspent = budgets.reduce((bits, budget, at) => (may(budget) ? bits | (1 << at) : bits), 0);
  for (const summary of summaries) {
    let byUnspent = known.get(summary);
    if (byUnspent === undefined) {
      byUnspent = new Map();
      known.set(summary, byUnspent);
    }
    let own = byUnspent.get(unspent);
    if (own === undefined) {
      own = ownCodes(cluster, summary, may);
      byUnspent.set(unspent, own);
    }
    codes.push(...own);
  }
  return codes;
}

/** What can happen to a node besides that a message arrives. */
function ownCodes(
  { nodes, bounds }: Explored,
  summary: Summary,
  may: (budget: Budget) => boolean,
): readonly number[] {
  const codes = commandsOf(summary, bounds.change, may).map((command) => nodes.codeOf(command));
  if (!may('timeouts')) return codes;
  return [...codes, ...[...summary.open].map((call) => call * 4 + kinds.unanswered)];
}

function commandsOf(
  { at, role, canWake, pending, voters }: Summary,
  change: Bounds['change'],
  may: (budget: Budget) => boolean,
): Command[] {
  const id = nodeIds[at] as NodeId;
  const events: Command['event'][] = [];
  const leads = role === 'leader';
  if (canWake && may(leads ? 'beats' : 'elections')) events.push({ type: 'wake' });
  for (const done of pending.keys()) events.push({ type: 'persisted', writes: done + 1 });
  if (leads && may('proposals')) events.push({ type: 'propose' });
  if (leads && may('changes'))
    events.push(...(change === 'any' ? anyChange : changesByOne(voters)));
  if (may('crashes')) events.push(...crashes(pending));
  return events.map((event) => ({ at: id, event }));
}

/** Every set of voters, with those that go kept as learners or removed. */
const anyChange: readonly Command['event'][] = [1, 2, 3, 4, 5, 6, 7].flatMap((bits) =>
  [true, false].map((keepRemoved) => changeTo(bits, keepRemoved)),
);

/** One voter more or less than in `voters`, as bits; none while a change is under way. */
function changesByOne(voters: readonly number[]): Command['event'][] {
  const [bits, ...others] = voters;
  if (bits === undefined || others.length > 0) return [];
  return nodeIds
    .map((_, at) => changeTo(bits ^ (1 << at), false))
    .filter((event) => {
      return event.voters.length > 0;
    });
}

function changeTo(
  bits: number,
  keepRemoved: boolean,
): Extract<Command['event'], { type: 'change' }> {
  const voters = nodeIds.filter((_, at) => (bits & (1 << at)) !== 0);
  return { type: 'change', voters, keepRemoved };
}

/** The power fails after any of the writes under way, or between the parts of one. */
function crashes(pending: readonly number[]): Command['event'][] {
  const events: Command['event'][] = [];
  for (let writes = 0; writes <= pending.length; writes += 1) {
    const partCount = pending[writes] ?? 1;
    for (let parts = 0; parts < partCount; parts += 1)
      events.push({ type: 'crash', writes, parts });
  }
  return events;
}
