import type { Choice } from './knobs.ts';
import { Operator } from './operator.ts';
import { mix, Random } from './random.ts';
import type { WalkNode } from './walk-node.ts';
import type { World } from './world.ts';

const maxPendingWrites = 12;

/** Decides what happens next. Every choice comes from the seed. */
export class Scheduler {
  readonly #world: World;
  readonly #random: Random;
  readonly #clocks: Random;
  readonly #operator: Operator;

  constructor(world: World, seed: string) {
    this.#world = world;
    this.#random = new Random(seed, 'schedule');
    this.#clocks = new Random(seed, 'clocks');
    this.#operator = new Operator(world, new Random(seed, 'operator'));
  }

  /** Does one thing. Returns a number that tells apart what came of it. */
  step(): number {
    const choice = this.#random.pick(this.#world.knobs.choices);
    let node = this.#act(choice);
    if (node === undefined) node = this.#operator.initialize() ?? this.#deliver() ?? this.#wake();
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
        return this.#wake();
      case 'apply':
        return this.#apply();
      case 'read':
        return this.#operator.read();
      case 'passTime':
        return this.#passTime();
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
      default:
        return this.#partition();
    }
  }

  #deliver(): WalkNode | undefined {
    const { wire, nodes } = this.#world;
    const message = wire.take();
    if (message === undefined) return undefined;
    if (wire.isCut(message)) this.#world.lose(message);
    else this.#world.deliver(message);
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
    return node === undefined ? undefined : this.#wakeNode(node);
  }

  /** A timer fires, on time or late, or early by mistake. */
  #wake(): WalkNode | undefined {
    const node = this.#random.pick(this.#world.nodes);
    if (!node.isUp) return undefined;
    if (this.#clocks.chance(0.1)) {
      node.clock += this.#clocks.below(20);
      this.#world.give(node, { type: 'wake' });
      return node;
    }
    return this.#wakeNode(node);
  }

  #wakeNode(node: WalkNode): WalkNode {
    const { wakeAt } = node.core;
    if (wakeAt !== Infinity) node.clock = Math.max(node.clock, wakeAt);
    if (this.#clocks.chance(0.2)) node.clock += this.#clocks.below(2000);
    this.#world.give(node, { type: 'wake' });
    return node;
  }

  /** Clocks move and nobody is woken: the next event finds a later time. */
  #passTime(): WalkNode | undefined {
    const { nodes, knobs } = this.#world;
    const span = this.#clocks.below(knobs.electionTimeoutMs.max);
    if (this.#clocks.chance(0.3)) this.#clocks.pick(nodes).clock += span;
    else for (const node of nodes) node.clock += span;
    return nodes[0];
  }

  #apply(): WalkNode | undefined {
    const node = this.#random.pick(this.#world.nodes);
    if (!node.isUp || node.applying === node.applied) return undefined;
    this.#world.goOnApplying(node, { all: false });
    return node;
  }

  #buildSnapshot(): WalkNode | undefined {
    const leader = this.#random.chance(0.5) ? this.#operator.pickLeader() : undefined;
    const node = leader ?? this.#random.pick(this.#world.nodes);
    if (!node.isUp) return undefined;
    const { snapshots } = this.#world;
    if (this.#random.chance(0.5) && snapshots.sendUnasked(node)) return node;
    return snapshots.build(node) ? node : undefined;
  }

  #receiveSnapshot(): WalkNode | undefined {
    const node = this.#world.nodes.find(({ receptions }) => receptions.length > 0);
    if (node === undefined) return undefined;
    this.#world.snapshots.goOnReceiving(node, { isCalm: false });
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
    const leader = this.#random.chance(0.3) ? this.#operator.pickLeader() : undefined;
    const node = leader ?? this.#random.pick(this.#world.nodes);
    if (!node.isUp) return undefined;
    this.#world.crash(node);
    return node;
  }

  #restart(): WalkNode | undefined {
    const node = this.#random.pick(this.#world.nodes);
    if (node.isUp) return undefined;
    this.#world.start(node);
    return node;
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
    const any = 1 + this.#random.below((1 << nodes.length) - 1);
    const side = leader?.bit ?? any;
    const way = this.#random.below(4);
    wire.cut(nodes.length, side, { out: way !== 1, in: way !== 0 });
    history.marks.partitions += 1;
    tracer?.note(undefined, `the network splits: ${side.toString(2)} cut ${way}`);
    return nodes[0];
  }
}
