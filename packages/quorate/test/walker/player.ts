import { type Deed, numberIn } from './deed.ts';
import { fitFate, fitLoss } from './fate.ts';
import type { Habits, Hands } from './habits.ts';
import type { Message } from './message.ts';
import { isRequest } from './message.ts';
import { knobsOf, type Script, type Setup } from './script.ts';
import { comeToRest } from './tail.ts';
import { Time } from './time.ts';
import type { Tracer } from './trace.ts';
import { changeOf, Users } from './users.ts';
import { asViolation, type Violation } from './violation.ts';
import type { WalkNode } from './walk-node.ts';
import { nodeAt } from './walk-node.ts';
import type { CoreModule } from './world.ts';
import { World } from './world.ts';

/** What a cluster does that is told each of its moves. */
class ScriptHabits implements Habits {
  readonly #setup: Setup;
  readonly #hands: Hands;
  #timeouts: number[];
  #batches: number[] = [];

  constructor(setup: Setup, hands: Hands) {
    this.#setup = setup;
    this.#hands = hands;
    this.#timeouts = [...setup.timeouts];
  }

  /** From now on, this is drawn. */
  take({ timeouts, batches }: Deed): void {
    this.#timeouts = [...timeouts];
    this.#batches = [...batches];
  }

  timeout(): number {
    return this.#timeouts.shift() ?? 0;
  }

  batch(count: number): number {
    const drawn = this.#batches.shift() ?? 0;
    return drawn === 0 ? count : Math.min(count, drawn);
  }

  losesSilently(): boolean {
    return true;
  }

  after(node: WalkNode): void {
    const { atOnce } = this.#setup;
    if (atOnce.includes('apply')) this.#hands.applyMore(node);
    if (!atOnce.includes('sent') || !node.isUp) return this.#persist(node);
    while (node.unreported.length > 0) this.#hands.report(node);
    this.#persist(node);
  }

  #persist(node: WalkNode): void {
    if (!this.#setup.atOnce.includes('persist')) return;
    if (node.isUp) this.#hands.complete(node, node.disk.pending.length);
  }
}

export interface PlayOptions {
  readonly tracer?: Tracer;
  /** A message that is not there may be another one of its kind. */
  readonly isLenient?: boolean;
}

export interface Played {
  /** The deeds for which there was something to do, as they were done. */
  readonly done: readonly Deed[];
  /** The places of the others. */
  readonly skipped: readonly number[];
  readonly violation: Violation | undefined;
  /** Absent only if it could not even be made. */
  readonly world: World | undefined;
}

/** Does one deed after the other, up to the end or to what must never happen. */
export function play(
  module: CoreModule,
  { setup, deeds }: Script,
  options: PlayOptions = {},
): Played {
  const done: Deed[] = [];
  const skipped: number[] = [];
  let player: Player | undefined;
  let violation: Violation | undefined;
  try {
    player = new Player(module, setup, options);
    for (const [place, deed] of deeds.entries()) {
      if (options.tracer !== undefined) options.tracer.step = place + 1;
      // Noted first, since it may be the last.
      const count = done.push(deed);
      const as = player.do(deed);
      if (as === undefined) {
        done.pop();
        skipped.push(place);
      } else done[count - 1] = as;
    }
  } catch (error) {
    violation = asViolation(error);
  }
  const last = player?.underWay;
  if (violation !== undefined && last !== undefined && done.length > 0)
    done[done.length - 1] = last;
  return { done, skipped, violation, world: player?.world };
}

/** Carries out deeds. Nothing else happens, and nothing is drawn. */
class Player {
  readonly world: World;
  /** The deed being done, as far as it is known how. */
  underWay: Deed | undefined = undefined;
  readonly #habits: ScriptHabits;
  readonly #users: Users;
  readonly #time: Time;
  readonly #isLenient: boolean;
  readonly #delivered: Set<Message> = new Set();

  constructor(module: CoreModule, setup: Setup, { tracer, isLenient }: PlayOptions) {
    this.#isLenient = isLenient ?? false;
    let habits: ScriptHabits | undefined;
    this.world = new World(module, knobsOf(setup), {
      seed: '',
      tracer,
      isRecorded: true,
      habits: (hands) => {
        habits = new ScriptHabits(setup, hands);
        return habits;
      },
    });
    if (habits === undefined) throw new Error('a world takes its habits when it is made');
    this.#habits = habits;
    this.#users = new Users(this.world);
    this.#time = new Time(this.world);
    // Nothing gives way: what is not delivered is what is lost.
    this.world.wire.isCrowded = false;
    for (const [at, node] of this.world.nodes.entries()) node.rate = setup.rates[at] ?? 1;
  }

  /** Returns the deed as it was done, or `undefined` if there was nothing to do. */
  do(deed: Deed): Deed | undefined {
    this.underWay = deed;
    this.#habits.take(deed);
    const { verb } = deed;
    if (verb === 'deliver' || verb === 'unanswered') return this.#doToMessage(deed);
    const { nodes, wire } = this.world;
    let isDone = true;
    if (verb === 'rest') {
      wire.flight.length = 0;
      comeToRest(this.world);
    } else if (verb === 'pass' && deed.node === undefined) {
      this.#time.pass(numberIn(deed, 'ms', 0));
    } else {
      const node = nodes[deed.node === undefined ? 0 : nodeAt(deed.node)];
      if (node === undefined) return undefined;
      isDone = node.isUp ? this.#doToNode(deed, node) : this.#doToStopped(deed, node);
    }
    return isDone ? deed : undefined;
  }

  #doToMessage(deed: Deed): Deed | undefined {
    const { world } = this;
    const name = deed.message ?? '';
    let message = world.names?.find(name);
    if (message === undefined && this.#isLenient) {
      message = world.names?.findLike(name, this.#delivered);
    }
    if (message === undefined || !this.#canArrive(deed, message)) return undefined;
    const done = { ...deed, message: world.names?.nameOf(message) };
    this.underWay = done;
    this.#delivered.add(message);
    if (deed.verb === 'deliver') world.deliver(message);
    else world.fail(message);
    return done;
  }

  #canArrive({ verb }: Deed, message: Message): boolean {
    const { nodes } = this.world;
    const caller = nodes[message.from];
    if (verb === 'deliver' && isRequest(message)) return nodes[message.to]?.isUp === true;
    return caller?.isUp === true && caller.incarnation === message.incarnation;
  }

  #doToStopped(deed: Deed, node: WalkNode): boolean {
    if (deed.verb === 'start') this.world.start(node);
    else if (deed.verb === 'lose') this.#lose(deed, node);
    else if (deed.verb === 'pass') this.#time.pass(numberIn(deed, 'ms', 0), node);
    else return false;
    return true;
  }

  #lose(deed: Deed, node: WalkNode): void {
    const { last, term } = deed.details;
    const isAll = last === undefined;
    const some = {
      type: 'some',
      logLength: numberIn(deed, 'last', 0) + 1,
      term: term === undefined ? undefined : numberIn(deed, 'term', 0),
    } as const;
    this.world.loseDisk(node, isAll ? { type: 'all' } : fitLoss(some, node.disk));
  }

  #doToNode(deed: Deed, node: WalkNode): boolean {
    const { world } = this;
    switch (deed.verb) {
      case 'persist':
        if (node.disk.pending.length === 0) return false;
        world.complete(node, numberIn(deed, 'count', node.disk.pending.length));
        return true;
      case 'sent':
        if (node.unreported.length === 0) return false;
        world.report(node);
        return true;
      case 'apply':
        return this.#apply(deed, node);
      case 'restore':
        if (node.restores.length === 0) return false;
        world.restoreNext(node, { skips: deed.details['skip'] !== undefined });
        return true;
      case 'wake':
        this.#time.wake(node, numberIn(deed, 'late', 0));
        return true;
      case 'wake-early':
        this.#time.wakeEarly(node);
        return true;
      case 'pass':
        this.#time.pass(numberIn(deed, 'ms', 0), node);
        return true;
      case 'crash':
        world.crash(node, fitFate(deed, node));
        return true;
      case 'quarantine':
        world.quarantine(node);
        return true;
      default:
        return this.#doForUsers(deed, node) || this.#doWithSnapshot(deed, node);
    }
  }

  #apply(deed: Deed, node: WalkNode): boolean {
    const target = node.restores[0]?.applying ?? node.applying;
    const index = Math.min(numberIn(deed, 'to', target), target);
    if (index <= node.applied) return false;
    this.world.apply(node, index);
    return true;
  }

  #doForUsers(deed: Deed, node: WalkNode): boolean {
    const { details } = deed;
    const to = details['to'] === undefined ? undefined : String(details['to']);
    const mode = details['mode'] === 'lease' ? 'lease' : 'quorum';
    if (deed.verb === 'initialize') {
      if (!this.#users.canInitialize(node)) return false;
      this.#users.initialize(node);
    } else if (deed.verb === 'propose') this.#users.propose(node, numberIn(deed, 'count', 1));
    else if (deed.verb === 'read') this.#users.read(node, mode);
    else if (deed.verb === 'transfer') this.#users.transfer(node, to);
    else if (deed.verb === 'change') {
      const change = changeOf(details);
      if (change === undefined)
        throw new RangeError('"change" needs add, remove, update or voters.');
      this.#users.change(node, change);
    } else if (deed.verb === 'ask' && to !== undefined) {
      if (this.world.nodes[nodeAt(to)] === undefined) return false;
      this.#users.ask(node, nodeAt(to), mode);
    } else return false;
    return true;
  }

  #doWithSnapshot(deed: Deed, node: WalkNode): boolean {
    const { snapshots, nodes } = this.world;
    const place = numberIn(deed, 'place', 0);
    const stored = snapshots.storedOf(node, place);
    switch (deed.verb) {
      case 'build':
        return snapshots.build(node);
      case 'save':
        if (node.building === undefined) return false;
        snapshots.saveBuilt(node, numberIn(deed, 'purge', 0));
        return true;
      case 'send-snapshot': {
        const to = nodeAt(String(deed.details['to']));
        return nodes[to] !== undefined && snapshots.sendUnasked(node, to) !== undefined;
      }
      case 'receive':
        if (stored !== undefined) snapshots.receiveAll(node, place);
        return stored !== undefined;
      case 'break':
        if (stored !== undefined) {
          snapshots.breakOff(node, place, Math.max(stored, numberIn(deed, 'stored', 0)));
        }
        return stored !== undefined;
      case 'received':
        if (node.receptions[place] === undefined) return false;
        snapshots.tellReceived(node, place);
        return true;
      default:
        return false;
    }
  }
}
