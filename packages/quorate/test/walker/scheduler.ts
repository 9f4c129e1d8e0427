import { Clocks } from './clocks.ts';
import { drawLoss } from './fate.ts';
import type { WalkHabits } from './habits.ts';
import type { Choice } from './knobs.ts';
import { Operator } from './operator.ts';
import { mix, Random } from './random.ts';
import { SnapshotChoices } from './snapshot-choices.ts';
import type { WalkNode } from './walk-node.ts';
import type { World } from './world.ts';

const maxPendingWrites = 12;

/** Decides what happens next. Every choice comes from the seed. */
export class Scheduler {
  readonly #world: World;
  readonly #random: Random;
  readonly #clocks: Clocks;
  readonly #operator: Operator;
  readonly #habits: WalkHabits;
  readonly #snapshots: SnapshotChoices;
  readonly #disks: Random;

  constructor(world: World, seed: string, habits: WalkHabits) {
    this.#world = world;
    this.#random = new Random(seed, 'schedule');
    this.#clocks = new Clocks(world, new Random(seed, 'clocks'));
    this.#operator = new Operator(world, new Random(seed, 'operator'));
    this.#habits = habits;
    this.#disks = new Random(seed, 'losses');
    this.#snapshots = new SnapshotChoices(world, new Random(seed, 'snapshots'), (node) => {
      habits.crash(node);
    });
  }

  /** Does one thing. Returns a number that tells apart what came of it. */
  step(): number {
    const choice = this.#random.pick(this.#world.knobs.choices);
    const { history } = this.#world;
    const before = history.leaders.length + history.committed.length;
    let node = this.#act(choice);
    if (node === undefined)
      node = this.#operator.initialize() ?? this.#deliver() ?? this.#clocks.wakeAny();
    const after = history.leaders.length + history.committed.length;
    if (after > before) this.#operator.readOnOlderLeaders();
    if (node?.isUp !== true) return 0;
    const { term, committed, last } = node.state;
    return mix(mix(node.at + 8 * term, committed), last.index * 4096 + last.term);
  }

  /** Returns the node it happened to, or `undefined` if there was nothing of the kind to do. */
  #act(choice: Choice): WalkNode | undefined {
    switch (choice) {
      case 'deliver':
        return this.#deliver();
      case 'persist':
        return this.#persist();
      case 'propose':
        return this.#operator.propose();
      case 'beat':
        return this.#beat();
      case 'wake':
        return this.#clocks.wakeAny();
      case 'apply':
        return this.#apply();
      case 'read':
        return this.#operator.read();
      case 'passTime':
        return this.#clocks.passTime();
      case 'report':
        return this.#report();
      case 'duplicate':
        return this.#repeat({ old: false });
      case 'replay':
        return this.#repeat({ old: true });
      case 'lose':
        return this.#lose();
      case 'crash':
        return this.#crash();
      case 'restart':
        return this.#restart();
      case 'snapshot':
        return this.#buildSnapshot();
      case 'receive':
        return this.#receiveSnapshot();
      case 'change':
        return this.#operator.change();
      case 'followerRead':
        return this.#operator.readOnFollower();
      case 'transfer':
        return this.#operator.transfer();
      case 'loseDisk':
        return this.#loseDisk();
      default:
        return this.#partition();
    }
  }

  #deliver(): WalkNode | undefined {
    const { wire, nodes } = this.#world;
    const message = wire.take();
    if (message === undefined) return undefined;
    if (wire.isCut(message)) {
      // Gone for now, and nobody is told: it may still come.
      if (this.#random.chance(message.type === 'appendAnswered' ? 0.5 : 0.1)) wire.keep(message);
      else this.#world.lose(message);
    } else this.#world.deliver(message);
    return nodes[message.to];
  }

  /** Any prefix of what is under way becomes durable. */
  #persist(): WalkNode | undefined {
    const node = this.#random.pick(this.#world.nodes);
    const { length } = node.disk.pending;
    if (!node.isUp || length === 0) return undefined;
    const isAll = length > maxPendingWrites || this.#random.chance(0.5);
    this.#world.complete(node, isAll ? length : 1 + this.#random.below(length));
    return node;
  }

  /** A leader's clock comes to its next heartbeat. */
  #beat(): WalkNode | undefined {
    const node = this.#operator.pickLeader();
    return node === undefined ? undefined : this.#clocks.wake(node);
  }

  #apply(): WalkNode | undefined {
    const node = this.#random.pick(this.#world.nodes);
    if (!node.isUp || node.applying === node.applied) return undefined;
    this.#habits.goOnApplying(node, { all: false });
    return node;
  }

  #buildSnapshot(): WalkNode | undefined {
    const leader = this.#random.chance(0.5) ? this.#operator.pickLeader() : undefined;
    const node = leader ?? this.#random.pick(this.#world.nodes);
    if (!node.isUp) return undefined;
    if (this.#random.chance(0.5) && this.#snapshots.sendUnasked(node)) return node;
    return this.#snapshots.build(node) ? node : undefined;
  }

  #receiveSnapshot(): WalkNode | undefined {
    const node = this.#world.nodes.find(({ receptions }) => receptions.length > 0);
    if (node === undefined) return undefined;
    this.#snapshots.goOnReceiving(node);
    return node;
  }

  #report(): WalkNode | undefined {
    const node = this.#random.pick(this.#world.nodes);
    if (!node.isUp || node.unreported.length === 0) return undefined;
    this.#world.report(node);
    return node;
  }

  #repeat(options: { old: boolean }): WalkNode | undefined {
    const { wire, history, nodes, tracer } = this.#world;
    const message = wire.repeatable(options);
    if (message === undefined) return undefined;
    if (options.old) history.marks.oldMessagesReplayed += 1;
    else history.marks.messagesDuplicated += 1;
    if (options.old && this.#random.chance(0.5)) this.#world.deliver(message);
    else wire.send(message);
    tracer?.note(nodes[message.to], `a ${options.old ? 'old ' : ''}${message.type} comes twice`);
    return nodes[message.to];
  }

  #lose(): WalkNode | undefined {
    const message = this.#world.wire.takeAny();
    if (message === undefined) return undefined;
    this.#world.lose(message);
    return this.#world.nodes[message.to];
  }

  #crash(): WalkNode | undefined {
    const voter = this.#random.chance(0.3) ? this.#pickLoyalVoter() : undefined;
    if (voter !== undefined) {
      this.#habits.crash(voter, { restarts: false });
      this.#world.start(voter);
      return voter;
    }
    const leader = this.#random.chance(0.3) ? this.#operator.pickLeader() : undefined;
    const node = leader ?? this.#random.pick(this.#world.nodes);
    if (!node.isUp) return undefined;
    this.#habits.crash(node);
    return node;
  }

  /**
   * A disk comes back with less than was promised by it, and its node goes into quarantine before
   * anything else. Or a node is put there while it runs, for no reason that it could know.
   */
  #loseDisk(): WalkNode | undefined {
    const { nodes, wire } = this.#world;
    const heir = wire.flight.find(({ type }) => type === 'timeoutNow');
    const node = heir === undefined ? this.#operator.pickLeader() : nodes[heir.to];
    const chosen = (this.#random.chance(0.4) ? node : undefined) ?? this.#random.pick(nodes);
    const count = nodes.filter(({ isQuarantined }) => isQuarantined).length;
    if (chosen.isQuarantined ? this.#random.chance(0.5) : count >= 2) return undefined;
    if (chosen.isUp && this.#random.chance(0.4)) this.#world.quarantine(chosen);
    else {
      if (chosen.isUp) this.#habits.crash(chosen, { restarts: false });
      this.#world.loseDisk(chosen, drawLoss(this.#disks, chosen.disk));
    }
    return chosen;
  }

  /** Somebody who hears a leader while another campaigns: soon back, and asked to vote. */
  #pickLoyalVoter(): WalkNode | undefined {
    const up = this.#world.nodes.filter(({ isUp }) => isUp);
    if (!up.some(({ state }) => state.role === 'candidate')) return undefined;
    const loyal = up.filter(({ state }) => state.role === 'follower' && state.leader !== undefined);
    return loyal.length === 0 ? undefined : this.#random.pick(loyal);
  }

  #restart(): WalkNode | undefined {
    const node = this.#random.pick(this.#world.nodes);
    if (node.isUp) return undefined;
    this.#world.start(node);
    return node;
  }

  /** Those who do not vote, with a leader that is cut off: it must not think that they matter. */
  #alongWith({ state }: WalkNode): number {
    if (this.#random.chance(0.6)) return 0;
    const learners = this.#world.nodes.filter(
      ({ id }) => !state.membership.voters.some((voters) => voters.includes(id)),
    );
    return learners.reduce((bits, { bit }) => bits | bit, 0);
  }

  /** Heals the network, or cuts some nodes off: a leader, one node, or any; both ways or one. */
  #partition(): WalkNode | undefined {
    const { wire, nodes, knobs, history, tracer } = this.#world;
    if (!wire.isWhole && this.#random.chance(0.5)) {
      wire.heal();
      tracer?.note(undefined, 'the network is whole');
      return nodes[0];
    }
    const leader = this.#random.chance(knobs.isolateLeader)
      ? this.#operator.pickLeader()
      : undefined;
    if (leader !== undefined && this.#random.chance(0.5)) {
      const other = this.#random.pick(nodes);
      wire.cutPair(leader.at, other.at);
      tracer?.note(undefined, `the network splits between ${leader.id} and ${other.id}`);
      return leader;
    }
    const any = 1 + this.#random.below((1 << nodes.length) - 1);
    const side = leader === undefined ? any : leader.bit | this.#alongWith(leader);
    const way = this.#random.below(4);
    wire.cut(nodes.length, side, { out: way !== 1, in: way !== 0 });
    history.marks.partitions += 1;
    tracer?.note(undefined, `the network splits: ${side.toString(2)} cut ${way}`);
    return nodes[0];
  }
}
