import type { MembershipChange } from '../../src/core/event.ts';
import type { Payload } from '../../src/core/types.ts';
import type { Details } from './deed.ts';
import type { WalkNode } from './walk-node.ts';
import type { World } from './world.ts';

const noBytes = new Uint8Array(0);

/** Those who use the cluster: they write, read, and change who takes part. */
export class Users {
  readonly #world: World;
  #commandCount = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Whether nobody has formed a cluster yet, or what was formed is lost. */
  canInitialize(node: WalkNode): boolean {
    if (!node.isUp || node.log.length > 1 || node.disk.vote.term > 0) return false;
    return node.state.term === 0;
  }

  initialize(node: WalkNode): void {
    const { nodes, knobs, recorder } = this.#world;
    recorder?.note('initialize', undefined);
    const voters = nodes.slice(0, knobs.initialCount).map(({ id }) => id);
    const membership = {
      cluster: 'walk',
      voters: [voters],
      nodes: Object.fromEntries(voters.map((id) => [id, {}])),
    };
    const request = node.ask({ type: 'initialize' });
    this.#world.give(node, { type: 'initialize', request, membership });
  }

  propose(node: WalkNode, count: number): void {
    this.#world.recorder?.note('propose', node.id, count === 1 ? {} : { count });
    const payloads: Payload[] = [];
    for (let made = 0; made < count; made += 1) {
      this.#commandCount += 1;
      payloads.push({ type: 'command', data: { bytes: noBytes, value: this.#commandCount } });
    }
    const request = node.ask({ type: 'propose', payloads });
    this.#world.give(node, { type: 'propose', request, payloads });
  }

  read(node: WalkNode, mode: 'quorum' | 'lease'): void {
    this.#world.recorder?.note('read', node.id, mode === 'quorum' ? {} : { mode });
    const floor = this.#world.history.lastCommitted;
    const request = node.ask({ type: 'readIndex', mode, floor });
    this.#world.give(node, { type: 'readIndex', request, mode });
  }

  /** A reader on `node` asks the node at `to` what is committed. */
  ask(node: WalkNode, to: number, mode: 'quorum' | 'lease'): void {
    this.#world.askLeader(node, to, { floor: this.#world.history.lastCommitted, mode });
  }

  transfer(node: WalkNode, to: string | undefined): void {
    this.#world.recorder?.note('transfer', node.id, { to });
    const request = node.ask({ type: 'transferLeadership' });
    this.#world.give(node, { type: 'transferLeadership', request, to });
  }

  change(node: WalkNode, change: MembershipChange): void {
    this.#world.recorder?.note('change', node.id, changeDetails(change));
    const request = node.ask({ type: 'changeMembership' });
    this.#world.give(node, { type: 'changeMembership', request, change });
  }
}

function changeDetails(change: MembershipChange): Details {
  switch (change.type) {
    case 'addLearner':
      return { add: change.id };
    case 'removeLearner':
      return { remove: change.id };
    case 'updateNode':
      return { update: change.id };
    default:
      return { voters: change.voters.join(','), keep: change.keepRemoved ? 1 : undefined };
  }
}

/** The change that a deed's details tell of; `undefined` if they tell of none. */
export function changeOf(details: Details): MembershipChange | undefined {
  const { add, remove, update, voters, keep } = details;
  if (add !== undefined) return { type: 'addLearner', id: String(add), info: {} };
  if (remove !== undefined) return { type: 'removeLearner', id: String(remove) };
  if (update !== undefined) {
    return { type: 'updateNode', id: String(update), info: { address: 'new' } };
  }
  if (voters === undefined) return undefined;
  const ids = String(voters).split(',');
  return { type: 'changeVoters', voters: ids, keepRemoved: keep !== undefined };
}
