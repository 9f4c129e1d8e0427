import type { EffectiveMembership, NodeId } from '../../src/core/types.ts';
import { completeConfig } from '../../src/node/options.ts';
import { SimViolation, type Workload } from './hooks.ts';
import type { SimNode } from './node.ts';
import type { World } from './world.ts';

/** One run in so many ends with a power cut for all. */
const powerCutOneIn = 4;
/** A heartbeat and its answer, of which each may take five times as long as most, and some more. */
const crossingsInTime = 12;
/** How many of the longest election timeouts a quorum that is well gets for all it has to do. */
const timeoutsForCalm = 40;

/**
 * The second phase: a random quorum is healed, the rest is dead or cut off for good, and the quorum
 * must elect, commit and finish all that waits. What it comes to is for the oracles to judge.
 */
export async function calm(world: World, workload: Workload): Promise<void> {
  // A change of the members that waits for its turn must not come when some are dead for good.
  world.operators.abort(new Error('The operators have gone home.'));
  const core = chooseCore(world);
  if (core === undefined) {
    // Wiped disks are lost data; with too many of them nothing has to go on.
    world.mark('no quorum left that could live');
    return;
  }
  heal(world, core);
  world.enter({ name: 'calm', core });
  let isFinished = false;
  void workload.finish().then(() => {
    isFinished = true;
  });
  const boundMs = calmBoundMs(world);
  const isDone = (): boolean => isFinished && isAgreed(world, core);
  if (await world.run(boundMs, isDone)) {
    await cutPower(world, core, boundMs);
    return;
  }
  const what = isFinished ? 'has not come to agree' : 'has calls that wait';
  failCalm(world, 'E2', core, `${what} after ${Math.round(boundMs)} ms of calm`);
}

/** Now and then all of them lose power at once, and what was committed must be there again. */
async function cutPower(world: World, core: readonly NodeId[], boundMs: number): Promise<void> {
  const isMeant = world.choices.choose('nemesis.powerCut', powerCutOneIn) === powerCutOneIn - 1;
  if (world.isOver || !isMeant) return;
  const nodes = [...world.nodes.values()].filter(({ id }) => core.includes(id));
  const committed = Math.max(...nodes.map(({ state }) => state?.committed ?? 0));
  world.mark('power cut at the end');
  for (const node of nodes) node.crash('power');
  for (const node of nodes) node.start();
  if (!(await world.run(boundMs, () => isAgreed(world, core)))) {
    failCalm(world, 'E5', core, `is not back ${Math.round(boundMs)} ms after a power cut`);
    return;
  }
  const leader = nodes.find(({ state }) => state?.role === 'leader');
  if ((leader?.state?.committed ?? 0) >= committed) return;
  failCalm(world, 'E5', core, `had committed ${committed} before a power cut, and has not now`);
}

function failCalm(world: World, code: 'E2' | 'E5', core: readonly NodeId[], what: string): void {
  if (world.isOver) return;
  const message = `The core ${core.join(', ')} ${what}: ${stateOf(world, core)}`;
  const title = code === 'E2' ? 'core-liveness' : 'durability';
  world.fail(new SimViolation(code, title, message));
}

/** How long the calm phase may last, in milliseconds of the world. */
function calmBoundMs({ knobs }: World): number {
  const { config, clock, process, disk, net } = knobs;
  const longest = config.electionTimeoutMs?.max ?? 600;
  const slowParts = 1000 * (process.applyMs + disk.delayMs + net.delayMs);
  const calls = 4 * ((config.readTimeoutMs ?? 0) + (config.callTimeoutMs ?? 0));
  return (timeoutsForCalm * longest + slowParts + calls + 20_000) / clock.slowest;
}

/** One leads, the others follow it, and all have applied the same to the end. */
function isAgreed(world: World, core: readonly NodeId[]): boolean {
  const states = core.map((id) => world.nodes.get(id)?.state);
  const leader = states.find((state) => state?.role === 'leader');
  if (leader === undefined) return false;
  // One that was removed before this phase hears of it by nobody.
  const members = states.filter((_, at) => (core[at] as NodeId) in leader.membership.nodes);
  return members.every(
    (state) =>
      state !== undefined &&
      state.term === leader.term &&
      state.leader === leader.id &&
      state.applied === leader.last.index &&
      state.committed === leader.last.index,
  );
}

function stateOf(world: World, core: readonly NodeId[]): string {
  return core
    .map((id) => {
      const state = world.nodes.get(id)?.state;
      if (state === undefined) return `${id} down`;
      const { role, term, committed, applied, last } = state;
      return `${id} ${role} of term ${term}, ${applied} of ${committed} of ${last.index}`;
    })
    .join('; ');
}

/** A random set of nodes that is a majority of every membership that may be in force. */
function chooseCore(world: World): NodeId[] | undefined {
  const nodes = [...world.nodes.values()].filter(isFit);
  const memberships = possibleMemberships(nodes);
  const isEnough = (ids: readonly NodeId[]): boolean =>
    memberships.every(({ voters }) =>
      voters.every((set) => set.filter((id) => ids.includes(id)).length > set.length / 2),
    );
  const isVoterSomewhere = (id: NodeId): boolean =>
    memberships.some(({ voters }) => voters.some((set) => set.includes(id)));
  let core = nodes.map(({ id }) => id).filter(isVoterSomewhere);
  if (memberships.length === 0 || !isEnough(core)) return undefined;
  // The benign answer leaves everybody in.
  const leavers = world.choices.choose('nemesis.coreLeavers', core.length);
  for (let count = 0; count < leavers; count += 1) {
    const out = core[world.choices.choose('nemesis.coreLeaver', core.length)];
    const rest = core.filter((id) => id !== out);
    if (isEnough(rest)) core = rest;
  }
  return core;
}

function isFit(node: SimNode): boolean {
  return !node.isRetired && !node.isDoubted && node.state?.isQuarantined !== true;
}

/** The memberships in any log that are not superseded by one that is committed. */
function possibleMemberships(nodes: readonly SimNode[]): EffectiveMembership[] {
  let committedAt = 0;
  const found: EffectiveMembership[] = [];
  for (const { durable, state } of nodes) {
    const own: EffectiveMembership[] = [];
    if (durable.snapshot !== undefined) own.push(durable.snapshot.membership);
    for (const { payload, logId } of durable.entries) {
      if (payload.type === 'membership') own.push({ ...payload.membership, logId });
    }
    if (state !== undefined) own.push(state.membership);
    const known = state?.committed ?? durable.snapshot?.lastLogId.index ?? 0;
    for (const { logId } of own)
      if (logId.index <= known) committedAt = Math.max(committedAt, logId.index);
    found.push(...own);
  }
  return found.filter(({ logId }) => logId.index >= committedAt && logId.index > 0);
}

/** Makes the core well, and the rest dead or cut off. */
function heal(world: World, core: readonly NodeId[]): void {
  const { links, nodes, choices } = world;
  Object.assign(links.faults, {
    lossPerMille: 0,
    duplicatePerMille: 0,
    tailPerMille: 0,
    slowKind: undefined,
  });
  for (const [, , link] of links.all()) link.cure();
  const isDead = choices.choose('nemesis.restIsDead', 2) === 0;
  for (const node of nodes.values()) {
    node.crashPoint = undefined;
    node.store.cure();
    node.slowMs = 0;
    node.applyMs = 0;
    void node.store.limit(undefined);
    if (!core.includes(node.id)) retire(world, node, isDead);
  }
  for (const id of core) {
    const node = nodes.get(id);
    if (node === undefined) continue;
    if (node.process !== undefined) node.process.slowMs = 0;
    node.resume();
    if (!node.isAlive) node.start();
  }
  keepTiming(world, core);
}

/**
 * What takes long must be rare beside the time after which a follower wants to lead itself, or no
 * leader can stay (paper 5.6, the timing requirement). Where clocks alone make heartbeats too rare
 * for that, they go right from now on; and messages take no longer than that allows.
 */
function keepTiming(world: World, core: readonly NodeId[]): void {
  const { links, nodes, knobs, trace } = world;
  const { heartbeatMs, electionTimeoutMs } = completeConfig(knobs.config);
  const healed = core.flatMap((id) => nodes.get(id) ?? []);
  const roomMs = (): number => {
    const rates = healed.map(({ rate }) => rate);
    return electionTimeoutMs.min / Math.max(...rates) - heartbeatMs / Math.min(...rates);
  };
  if (roomMs() < electionTimeoutMs.min / 4) {
    for (const node of healed) {
      node.rate = 1;
      node.process?.setRate(1);
      trace.add({ type: 'clock', node: node.id, text: 'goes right from now on' });
    }
  }
  links.delayMs = Math.min(links.delayMs, roomMs() / crossingsInTime);
}

/** It says nothing any more; it may still hear, which must do no harm. */
function retire(world: World, node: SimNode, isDead: boolean): void {
  if (isDead) {
    node.isRetired = true;
    node.crash('kill');
    return;
  }
  for (const other of world.nodes.keys()) {
    if (other !== node.id) world.links.of(node.id, other).isCut = true;
  }
  node.resume();
}
