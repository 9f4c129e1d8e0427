import type { Random } from './random.ts';
import { snapshotSize } from './saved-snapshot.ts';
import type { WalkNode } from './walk-node.ts';
import type { World } from './world.ts';

/** Chooses when snapshots are built, sent and received, and what goes wrong with them. */
export class SnapshotChoices {
  readonly #world: World;
  readonly #random: Random;
  readonly #crash: (node: WalkNode) => void;

  constructor(world: World, random: Random, crash: (node: WalkNode) => void) {
    this.#world = world;
    this.#random = random;
    this.#crash = crash;
  }

  /** Begins a snapshot of what is applied, or ends the one under way. */
  build(node: WalkNode): boolean {
    if (node.building !== undefined) {
      this.#save(node);
      return true;
    }
    if (!this.#world.snapshots.build(node)) return false;
    if (this.#random.chance(0.5)) this.#save(node);
    return true;
  }

  /**
   * A leader sends its snapshot to one who may have no need of it, as a call from long ago would:
   * a follower must cope with it at any time of the term.
   */
  sendUnasked(node: WalkNode): boolean {
    const { nodes, wire, snapshots } = this.#world;
    const index = node.disk.snapshot?.entry.logId.index;
    if (index === undefined || !node.leads) return false;
    const behind = nodes.filter((one) => one.isUp && one.state.committed < index);
    // The hard cases: it has something else there, or more, or a snapshot of its own under way.
    const hard = behind.filter((one) => one.log.length > index || one.building !== undefined);
    const aims = [hard, behind, nodes].filter((aim) => aim.length > 0);
    const aim = this.#random.chance(0.8) ? aims[0] : nodes;
    const message = snapshots.sendUnasked(node, this.#random.pick(aim ?? nodes).at);
    if (message === undefined) return false;
    if (this.#random.chance(0.3)) return true;
    // It overtakes all that could make it needless.
    wire.takeFirst((one) => one === message);
    this.#world.deliver(message);
    const receiver = nodes[message.to];
    if (receiver?.isUp === true) this.goOnReceiving(receiver);
    return true;
  }

  /** Goes on with what is being received: a part of it, all of it, or the news of it. */
  goOnReceiving(node: WalkNode): boolean {
    const { snapshots, knobs } = this.#world;
    if (node.receptions.length === 0) return false;
    const place = this.#random.below(node.receptions.length);
    const stored = snapshots.storedOf(node, place);
    if (stored !== undefined) {
      if (this.#random.chance(knobs.brokenness)) {
        snapshots.breakOff(node, place, stored + this.#random.below(snapshotSize - stored));
      } else {
        snapshots.receiveAll(node, place);
        if (this.#random.chance(knobs.crashAfterSave)) {
          this.#crash(node);
          return true;
        }
        if (this.#random.chance(0.5)) return true;
      }
    }
    snapshots.tellReceived(node, place);
    return true;
  }

  #save(node: WalkNode): void {
    const index = node.building?.meta.lastLogId.index ?? 0;
    // What is to be kept may begin anywhere, even after the snapshot.
    const kept = this.#random.below(this.#world.knobs.keptEntries + 3);
    this.#world.snapshots.saveBuilt(node, Math.max(0, index + 2 - kept));
  }
}
