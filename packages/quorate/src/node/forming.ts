import type { MembershipChange } from '../core/event.ts';
import type { Membership, NodeId, NodeInfo } from '../core/types.ts';
import { InvalidMembershipError, WrongTargetError } from '../errors.ts';
import { checkMember, infoOf } from './check-arguments.ts';
import type { Engine } from './engine.ts';
import { withSignal } from './signal.ts';

/**
 * Returns the membership of a new cluster, with the disk of every node that can be reached now; the
 * leader finds out about the others later.
 *
 * @throws {TypeError} if `nodes` is not what it should be.
 * @throws {InvalidMembershipError} if one of them belongs to another cluster.
 */
export async function formMembership(
  engine: Engine,
  nodes: Readonly<Record<NodeId, NodeInfo>>,
  signal: AbortSignal | undefined,
): Promise<Membership> {
  for (const [id, info] of Object.entries(nodes)) checkMember(id, info);
  // A disk that was bound to a cluster before stays in it: a first try may have got that far.
  const cluster = engine.identity.cluster ?? engine.runtime.randomId();
  const { last, term } = engine.state;
  // A node that has a log is refused by the core, and need not ask anybody for that.
  const isNew = last.index === 0 && term === 0 && Object.hasOwn(nodes, engine.id);
  const entries = Object.entries(nodes).map(async ([id, info]) => {
    const known = isNew ? await describe(engine, id, infoOf(info)) : infoOf(info);
    return [id, known] as const;
  });
  const known = Object.fromEntries(await withSignal(Promise.all(entries), signal));
  return { cluster, voters: [Object.keys(nodes)], nodes: known };
}

/**
 * Returns the change that adds a learner, with its disk if it can be reached now.
 *
 * @throws {InvalidMembershipError} if another node answers there, or one of another cluster.
 */
export async function addingLearner(
  engine: Engine,
  id: NodeId,
  info: NodeInfo,
  signal: AbortSignal | undefined,
): Promise<MembershipChange> {
  const isNew = engine.state.leadership !== undefined && !(id in engine.state.membership.nodes);
  const known = isNew ? withSignal(describe(engine, id, infoOf(info)), signal) : infoOf(info);
  return { type: 'addLearner', id, info: await known };
}

/** Adds to `info` which disk the node has, if it answers. */
async function describe(
  engine: Engine,
  id: NodeId,
  info: NodeInfo,
): Promise<Membership['nodes'][NodeId]> {
  const own = engine.identity;
  if (id === own.node) return { ...info, incarnation: own.incarnation };
  try {
    const { identity } = await engine.members.identify({ id, info });
    demandSame(id, own.cluster, identity.cluster);
    return { ...info, incarnation: identity.incarnation };
  } catch (reason) {
    engine.demandRunning();
    if (reason instanceof InvalidMembershipError) throw reason;
    if (reason instanceof WrongTargetError) {
      const message = `Node ${id} cannot be made a member: ${reason.message}`;
      throw new InvalidMembershipError(message, { cause: reason });
    }
    return info; // Out of reach for now.
  }
}

function demandSame(id: NodeId, own: string | undefined, its: string | undefined): void {
  if (its === undefined || its === own) return;
  throw new InvalidMembershipError(
    `Node ${id} cannot be made a member: it belongs to cluster ${its} already. Start it with an empty disk.`,
  );
}
