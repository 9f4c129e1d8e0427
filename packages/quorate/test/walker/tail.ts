import type { Payload } from '../../src/core/types.ts';
import { isQuorum } from './history.ts';
import { demand, Violation } from './violation.ts';
import type { WalkNode } from './walk-node.ts';
import type { World } from './world.ts';

/** What a cluster gets to recover, in its longest election timeouts. */
const maxTimeouts = 40;
const maxEvents = 60_000;
const delayMs = 1;

/**
 * Heals everything and lets time pass evenly. Within a bound there must be a leader, a fresh
 * proposal must be committed, and every member must have applied the same (E1).
 */
export function comeToRest(world: World): void {
  world.recorder?.note('rest', undefined);
  world.isCalm = true;
  world.tracer?.note(undefined, 'all faults end');
  world.wire.heal();
  world.wire.isCrowded = false;
  for (const node of world.nodes) if (!node.isUp) world.start(node);
  forgetLostCalls(world);
  const payload: Payload = { type: 'command', data: { bytes: new Uint8Array(0), value: 'last' } };
  const limit = world.knobs.electionTimeoutMs.max * maxTimeouts;
  const { snapshotsInstalled } = world.history.marks;
  const eventLimit = world.eventCount + maxEvents;
  let elapsed = 0;
  while (!hasSettled(world, payload)) {
    // Too few are left who may vote: then nothing is promised.
    if (!isElectorateLeft(world)) return;
    const isEarly = world.eventCount < eventLimit;
    demand(isEarly, 'S24', () => `${maxEvents} events after all faults ended, and no rest`);
    demand(elapsed < limit, 'E1', () => describeUnrest(world, elapsed));
    elapsed += passTime(world);
    settleMessages(world);
    proposeOnce(world, payload);
  }
  checkEqual(world);
  const { marks } = world.history;
  marks.tailsHealed += 1;
  if (marks.snapshotsInstalled > snapshotsInstalled) marks.tailsWithSnapshot += 1;
}

/** Whoever still waits for an answer that was lost in silence hears that there will be none. */
function forgetLostCalls(world: World): void {
  for (const node of world.nodes) while (node.unreported.length > 0) world.report(node);
  const underWay = new Set(
    world.wire.flight.map(({ from, incarnation, call }) => `${from} ${incarnation} ${call}`),
  );
  for (const node of world.nodes) {
    const { leadership, campaign } = node.state;
    const calls = [...(leadership?.calls.keys() ?? []), ...(campaign?.calls.keys() ?? [])];
    for (const call of calls) {
      if (!underWay.has(`${node.at} ${node.incarnation} ${call}`))
        world.give(node, { type: 'unanswered', call });
    }
  }
}

/** Moves all clocks alike: by a short delay if something is under way, else to the next timer. */
function passTime(world: World): number {
  let span = world.wire.flight.length > 0 ? delayMs : Infinity;
  for (const node of world.nodes) span = Math.min(span, node.core.wakeAt - node.clock);
  span = Math.max(0, span);
  if (span === Infinity) throw new Violation('E1', 'nobody waits for anything');
  for (const node of world.nodes) {
    node.clock += span;
    if (node.core.wakeAt <= node.clock) world.give(node, { type: 'wake' });
  }
  return span;
}

function settleMessages(world: World): void {
  for (const message of world.wire.flight.splice(0)) world.deliver(message);
  for (const node of world.nodes) {
    if (node.disk.pending.length > 0) world.complete(node, node.disk.pending.length);
    while (node.receptions.length > 0) {
      if (world.snapshots.storedOf(node, 0) !== undefined) world.snapshots.receiveAll(node, 0);
      world.snapshots.tellReceived(node, 0);
    }
    while (node.applying > node.applied) world.applyMore(node);
  }
}

/** Gives the proposal to the newest leader unless it has it. */
function proposeOnce(world: World, payload: Payload): void {
  const leader = newestLeader(world);
  if (leader === undefined || leader.log.some((entry) => entry.payload === payload)) return;
  const payloads = [payload];
  const request = leader.ask({ type: 'propose', payloads });
  world.give(leader, { type: 'propose', request, payloads });
}

function newestLeader(world: World): WalkNode | undefined {
  let newest: WalkNode | undefined;
  for (const node of world.nodes) {
    if (node.leads && node.state.term > (newest?.state.term ?? 0)) newest = node;
  }
  return newest;
}

/** The proposal is committed, no change is under way, and every member has applied all there is. */
function hasSettled(world: World, payload: Payload): boolean {
  const leader = newestLeader(world);
  if (leader === undefined) return isEmpty(world);
  const { committed, last, membership } = leader.state;
  if (committed !== last.index || membership.voters.length !== 1) return false;
  const { history, nodes } = world;
  if (!history.committed.some((entry) => entry.payload === payload)) return false;
  return nodes.every(
    ({ id, applied, questions, isQuarantined }) =>
      isQuarantined ||
      !Object.hasOwn(membership.nodes, id) ||
      (applied === committed && questions.size === 0),
  );
}

/**
 * In every membership that a node goes by, or could go back to, most of the voters may vote, and
 * one of them knows that it is a voter. Without that, too many are in quarantine to recover.
 */
function isElectorateLeft({ nodes }: World): boolean {
  const healthy = nodes.filter(({ isQuarantined }) => !isQuarantined);
  if (healthy.length === nodes.length) return true;
  const bits = healthy.reduce((sum, { bit }) => sum | bit, 0);
  const isLeft = nodes.every(({ state }) =>
    state.memberships.all.every(({ voters }) => voters.length === 0 || isQuorum(voters, bits)),
  );
  return isLeft && healthy.some(({ state }) => state.isVoter);
}

/** Nobody ever formed a cluster, or that was lost with the disk that had it. */
function isEmpty(world: World): boolean {
  return world.nodes.every((node) => node.log.length === 1);
}

function checkEqual(world: World): void {
  const leader = newestLeader(world);
  if (leader === undefined) return;
  const { membership } = leader.state;
  for (const { id, appliedHash, log, disk, isQuarantined } of world.nodes) {
    if (isQuarantined || !Object.hasOwn(membership.nodes, id)) continue;
    const isEqual = appliedHash === leader.appliedHash && log.length === leader.log.length;
    demand(isEqual, 'S9', () => `${id} and ${leader.id} differ after the rest`);
    demand(disk.log.at(-1) === log.at(-1), 'S9', () => `${id} has not written all it knows`);
  }
}

function describeUnrest(world: World, elapsed: number): string {
  const states = world.nodes.map(({ id, state, applied, questions }) => {
    const { role, term, committed, last } = state;
    return `${id} ${role} t${term} last ${last.index}@${last.term} committed ${committed} applied ${applied} open ${questions.size}`;
  });
  return `no rest after ${Math.round(elapsed)} ms: ${states.join('; ')}`;
}
