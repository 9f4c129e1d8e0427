import { isJoint } from '../../src/core/membership.ts';
import type { EffectiveMembership, NodeId } from '../../src/core/types.ts';
import type { Raft } from '../../src/node/raft.ts';
import { between, pick } from './choices.ts';
import type { FaultKind } from './knobs.ts';
import type { Command, Response } from './machine.ts';
import { nameOf } from './names.ts';
import type { NemesisAction } from './nemesis.ts';
import { pickNode } from './nemesis-nodes.ts';
import type { SimNode } from './node.ts';
import type { World } from './world.ts';

/** What operators do, at the worst of times. */
export const memberActions: Readonly<Partial<Record<FaultKind, NemesisAction>>> = {
  'member.change': change,
  'member.replace': replace,
  'member.wipe': wipe,
  // It makes an address free, or takes one that is.
  'member.address': replace,
  'operation.transfer': transfer,
  'operation.snapshot': takeSnapshot,
};

type ClusterRaft = Raft<Command, Response>;

/** A node that takes itself for the leader, and what it knows of the members. */
interface Office {
  readonly node: SimNode;
  readonly membership: EffectiveMembership;
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
}

function findOffice(world: World): Office | undefined {
  const leaders = [...world.nodes.values()].filter(({ state }) => state?.role === 'leader');
  if (leaders.length === 0) return undefined;
  const node = pick(world.choices, 'nemesis.office', leaders);
  const membership = node.state?.membership;
  if (membership === undefined) return undefined;
  const voters = [...new Set(membership.voters.flat())];
  const learners = Object.keys(membership.nodes).filter((id) => !voters.includes(id));
  return { node, membership, voters, learners };
}

function change(world: World): void {
  const office = findOffice(world);
  if (office === undefined) return;
  const { learners } = office;
  const ways = [
    'add',
    'voters',
    'voters',
    'update',
    ...(learners.length > 0 ? ['removeLearner'] : []),
  ];
  const way = pick(world.choices, 'nemesis.memberWay', ways);
  if (way === 'add') {
    addNode(world, office.node);
  } else if (way === 'update') {
    const id = pick(world.choices, 'nemesis.updated', Object.keys(office.membership.nodes));
    const data = { version: String(Math.floor(world.now)) };
    operate(world, office.node, 'update', (raft, signal) =>
      raft.updateNode(id, { data }, { signal }),
    );
  } else if (way === 'removeLearner') {
    const id = pick(world.choices, 'nemesis.removedLearner', learners);
    operate(world, office.node, 'remove a learner', async (raft, signal) => {
      await raft.removeLearner(id, { signal });
      retireLater(world, id);
    });
  } else changeVoters(world, office, drawVoters(world, office));
}

/** Any set of members, from one to all, whether or not it makes sense. */
function drawVoters(world: World, { membership }: Office): readonly NodeId[] {
  const ids = Object.keys(membership.nodes);
  const drawn = ids.filter(() => world.choices.choose('nemesis.voter', 4) > 0);
  return drawn.length === 0 ? ids : drawn;
}

function changeVoters(world: World, { node, voters }: Office, wanted: readonly NodeId[]): void {
  const keepRemoved = world.choices.choose('nemesis.keepRemoved', 2) === 1;
  const force = world.choices.choose('nemesis.force', 4) === 3;
  const leaving = keepRemoved ? [] : voters.filter((id) => !wanted.includes(id));
  operate(world, node, 'change voters', async (raft, signal) => {
    const options = { keepRemoved, force, signal };
    const { nodes } = await raft.changeVoters(wanted, options);
    for (const id of leaving) if (!(id in nodes)) retireLater(world, id);
  });
}

/** A new node comes, first to learn. */
function addNode(world: World, leader: SimNode): NodeId | undefined {
  if (world.nodes.size >= world.knobs.maxNames) return undefined;
  const id = nameOf(world.nodes.size);
  world.add(id).start();
  takeAddress(world, id);
  const wait = world.choices.choose('nemesis.addWait', 2) === 1;
  const ms = between(world.choices, 'nemesis.addMs', 20, 500);
  // It may well be asked to take part before it is up.
  world.queue.after(ms, () =>
    operate(world, leader, 'add a learner', (raft, signal) =>
      raft.addLearner(id, {}, { wait, signal }),
    ),
  );
  return id;
}

/** A machine that is gone had an address, and the new node gets it: old calls come to it. */
function takeAddress(world: World, id: NodeId): void {
  if (!world.knobs.faults['member.address']) return;
  const free = [...world.nodes.values()].filter(
    (node) => node.isRetired && !world.tenants.has(node.id),
  );
  if (free.length === 0 || world.choices.choose('nemesis.address', 4) === 0) return;
  const old = pick(world.choices, 'nemesis.addressOf', free);
  world.tenants.set(old.id, id);
  world.fault('member.address', `${id} has the address of ${old.id}`);
}

/** A new node in the place of an old one, which is never seen again. */
function replace(world: World): void {
  const office = findOffice(world);
  if (office === undefined) return;
  const { node, voters } = office;
  const id = addNode(world, node);
  if (id === undefined) return;
  const old = pick(world.choices, 'nemesis.replaced', voters);
  const ms = between(world.choices, 'nemesis.replaceMs', 300, 3000);
  world.queue.after(ms, () => {
    const wanted = [...voters.filter((voter) => voter !== old), id];
    changeVoters(world, { ...office, voters }, wanted);
  });
}

/** A disk is lost. The name stays, and whoever has it now must count for nothing. */
function wipe(world: World): void {
  const node = pickNode(world, (one) => mayBeWiped(world, one));
  if (node !== undefined) wipeNode(world, node);
}

/** One disk at a time is lost. */
export function mayBeWiped(world: World, { id, life }: SimNode): boolean {
  const nodes = [...world.nodes.values()];
  if (nodes.some(({ isDoubted, isRetired }) => isDoubted && !isRetired)) return false;
  return life > 0 && isKnownByDisk(world, id);
}

export function wipeNode(world: World, node: SimNode): void {
  node.wipe();
  node.isDoubted = true;
  world.fault('member.wipe', `${node.id} comes back with an empty disk`);
  world.restartLater(node);
}

/**
 * Whether every member knows this name by its disk, in a membership that nothing replaces: before,
 * nobody could tell the empty disk from the first one. At least three voters, so that what is lost
 * with one of them is on others.
 */
export function isKnownByDisk(world: World, id: NodeId): boolean {
  const members = [...world.nodes.values()].filter(({ isRetired }) => !isRetired);
  return members.every(({ state }) => {
    if (state === undefined) return false;
    const { membership, committed } = state;
    const [voters] = membership.voters;
    return (
      !isJoint(membership) &&
      membership.logId.index <= committed &&
      membership.nodes[id]?.incarnation !== undefined &&
      (voters?.length ?? 0) >= 3
    );
  });
}

function transfer(world: World): void {
  const office = findOffice(world);
  if (office === undefined) return;
  const { node, voters } = office;
  const others = voters.filter((id) => id !== node.id);
  const to = world.choices.choose('nemesis.transferTo', others.length + 1);
  operate(world, node, 'transfer', (raft, signal) =>
    raft.transferLeadership(to === 0 ? undefined : others[to - 1], { signal }),
  );
  world.fault('operation.transfer', `${node.id} hands over`);
}

function takeSnapshot(world: World): void {
  const node = pickNode(world, ({ isUp }) => isUp);
  if (node === undefined) return;
  operate(world, node, 'snapshot', (raft, signal) => raft.takeSnapshot({ signal }));
  world.fault('operation.snapshot', `${node.id} builds a snapshot`);
}

/** Has a node do it; what comes of it is nobody's business but the accounts'. */
export function operate(
  world: World,
  node: SimNode,
  what: string,
  put: (raft: ClusterRaft, signal: AbortSignal) => Promise<unknown>,
): void {
  if (world.phase.name !== 'chaos') return;
  world.countFault(`operator: ${what}`);
  const { signal } = world.operators;
  const ask = async (raft: ClusterRaft): Promise<unknown> => {
    // The node may have stood still until now.
    signal.throwIfAborted();
    return put(raft, signal);
  };
  void world.call(node.id, ask).then(({ type }) => world.mark(`${what}: ${type}`));
}

/** Whoever was removed is shut down after a while, as operators do. */
function retireLater(world: World, id: NodeId): void {
  const ms = between(world.choices, 'nemesis.retireMs', 100, 3000);
  world.queue.after(ms, () => {
    const node = world.nodes.get(id);
    if (node === undefined || node.isRetired) return;
    node.isRetired = true;
    node.crash('kill');
  });
}
