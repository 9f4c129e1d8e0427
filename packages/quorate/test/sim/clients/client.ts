import type { NodeId } from '../../../src/core/types.ts';
import type { Raft } from '../../../src/node/raft.ts';
import type { ReadMode } from '../../../src/node/reads.ts';
import type { Session } from '../../../src/node/session.ts';
import { between, happens } from '../choices.ts';
import type { Outcome, SimWorld } from '../hooks.ts';
import type { Command, KeyValueMachine, Response } from '../machine.ts';
import {
  type CallBook,
  type Fate,
  isExpired,
  type ReadAnswer,
  type WriteAnswer,
} from './call-book.ts';
import type { Input } from './history-model.ts';
import type { Operations } from './operations.ts';

/** How the clients of one run behave. */
export interface Manners {
  /** Reads among a hundred calls. */
  readonly reads: number;
  /** Clients among a hundred whose writes are those of sessions. */
  readonly sessions: number;
  /** Calls among a thousand after which the client is gone and another one takes its place. */
  readonly crashes: number;
  /** The pause between two calls, in milliseconds, on average. */
  readonly thinkMs: number;
  /** How long a client waits for an answer, in milliseconds. */
  readonly patienceMs: number;
  /** Whom a client asks: anybody, the last one that answered, or whoever says that it leads. */
  readonly asks: 'anybody' | 'same' | 'leaders';
  /** Reads may rest on leases. */
  readonly leases: boolean;
}

interface OpenSession {
  readonly node: NodeId;
  readonly life: number;
  readonly session: Session<Command, Response>;
}

type Put<Value> = (
  raft: Raft<Command, Response>,
  machine: KeyValueMachine,
  signal: AbortSignal,
) => Promise<Value>;

export interface ClientOptions {
  readonly name: string;
  readonly world: SimWorld;
  readonly book: CallBook;
  readonly operations: Operations;
  readonly manners: Manners;
  readonly usesSessions: boolean;
  /** No client takes anything new up. */
  readonly isStopping: () => boolean;
  /** Resolves when this moment is no more one in which all clients keep still. */
  readonly awake: () => Promise<void>;
}

/** Before so many of a thousand writes of a session that session is closed, and another opened. */
const closedPerMille = 20;

/** One client: it makes one call after another, and is sometimes gone before it has its answer. */
export class Client {
  readonly #options: ClientOptions;
  readonly #label: string;
  /** Calls whose node has not answered yet, also those that the client no longer waits for. */
  readonly #open = new Map<AbortController, { readonly node: NodeId; readonly what: string }>();
  #incarnation = 1;
  #session: OpenSession | undefined = undefined;
  #node: NodeId | undefined = undefined;
  #burst = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#label = 'workload';
  }

  /** The name under which it calls: another one each time that it is gone. */
  get name(): string {
    return `${this.#options.name}.${this.#incarnation}`;
  }

  /** What it waits for, and what it no longer waits for and has not ended, for people. */
  get openCalls(): readonly string[] {
    return [...this.#open.values()].map(({ node, what }) => `${this.name}: ${what} on ${node}`);
  }

  get openCount(): number {
    return this.#open.size;
  }

  async run(): Promise<void> {
    const { isStopping, awake, operations, manners } = this.#options;
    while (!isStopping()) {
      await this.#think();
      await awake();
      if (isStopping()) return;
      await this.perform(operations.next(manners), this.#pickNode());
    }
  }

  /** Makes one call on a node; resolves when this client knows how it ended, or has given up. */
  async perform(input: Input, node: NodeId): Promise<Fate> {
    const { book, usesSessions } = this.#options;
    const isSessionWrite = usesSessions && input.op !== 'read';
    if (isSessionWrite && !(await this.#demandSession(node))) return 'failed';
    const asked = isSessionWrite ? (this.#session?.node ?? node) : node;
    const session = isSessionWrite ? this.#session?.session.id : undefined;
    const call = book.begin(this.name, asked, input, session);
    let fate: Fate;
    if (input.op === 'read') fate = book.endRead(call, await this.#read(asked, input.key));
    else {
      const outcome = await this.#write(asked, input);
      if (isExpired(outcome)) this.#session = undefined;
      fate = book.endWrite(call, outcome);
    }
    this.#node = fate === 'done' ? asked : undefined;
    return fate;
  }

  /** Gives up every call to a node that is no longer there to answer. */
  abandon(isLost: (node: NodeId) => boolean): void {
    for (const [controller, { node }] of this.#open) if (isLost(node)) controller.abort();
  }

  #write(node: NodeId, command: Command): Promise<Outcome<WriteAnswer> | undefined> {
    const session = this.#session;
    if (session !== undefined && this.#options.usesSessions) {
      return this.#put(node, 'write of a session', (_, __, signal) =>
        session.session.write(command, { signal }),
      );
    }
    return this.#put(node, 'write', (raft, _, signal) => raft.write(command, { signal }));
  }

  #read(node: NodeId, key: string): Promise<Outcome<ReadAnswer> | undefined> {
    const { world, manners } = this.#options;
    const isLease = manners.leases && world.choices.choose(`${this.#label}.lease`, 2) === 1;
    const mode: ReadMode = isLease ? 'lease' : 'quorum';
    return this.#put(node, 'read', async (raft, machine, signal) => {
      const index = await raft.readBarrier({ mode, signal });
      return { index, value: machine.get(key) };
    });
  }

  /** A session lives with the process that opened it; opens one on `node` if there is none. */
  async #demandSession(node: NodeId): Promise<boolean> {
    const { world } = this.#options;
    const { nodes } = world;
    const known = this.#session;
    const isOpen = known !== undefined && nodes.get(known.node)?.life === known.life;
    const isKept = !happens(world.choices, `${this.#label}.closeSession`, closedPerMille);
    if (isOpen && isKept) return true;
    this.#session = undefined;
    if (isOpen) {
      await this.#put(known.node, 'closing a session', (_, __, signal) =>
        known.session.close({ signal }),
      );
    }
    const life = nodes.get(node)?.life ?? 0;
    const outcome = await this.#put(node, 'opening a session', (raft, _, signal) =>
      raft.openSession({ signal }),
    );
    if (outcome?.type !== 'value' || nodes.get(node)?.life !== life) return false;
    this.#session = { node, life, session: outcome.value };
    return true;
  }

  /** `undefined`: the client has not waited for the end, or was gone. */
  async #put<Value>(
    node: NodeId,
    what: string,
    put: Put<Value>,
  ): Promise<Outcome<Value> | undefined> {
    const { world, manners } = this.#options;
    const controller = new AbortController();
    const { signal } = controller;
    this.#open.set(controller, { node, what });
    const ended = world
      .call(node, (raft, machine) => put(raft, machine, signal))
      .finally(() => this.#open.delete(controller));
    const isGone = happens(world.choices, `${this.#label}.crash`, manners.crashes);
    const waitMs = isGone
      ? between(world.choices, `${this.#label}.crashMs`, 0, 50)
      : manners.patienceMs;
    const given = await this.#within(ended, waitMs);
    if (given !== undefined) return given;
    if (isGone) this.#beReplaced();
    // Whoever is gone takes nothing back; whoever is impatient says so.
    else controller.abort();
    if (!isGone) return this.#within(ended, 1).then(() => undefined);
    return undefined;
  }

  #within<Value>(promise: Promise<Value>, ms: number): Promise<Value | undefined> {
    return new Promise((resolve) => {
      const timer = this.#options.world.setTimer(() => resolve(undefined), ms);
      void promise.then((value) => {
        timer.cancel();
        resolve(value);
      });
    });
  }

  #beReplaced(): void {
    this.#incarnation += 1;
    this.#session = undefined;
    this.#node = undefined;
    this.#options.world.mark('client gone');
  }

  #pickNode(): NodeId {
    const { world, manners } = this.#options;
    const ids = [...world.nodes.keys()];
    if (manners.asks === 'same' && this.#node !== undefined) return this.#node;
    if (manners.asks === 'leaders') {
      const leaders = ids.filter((id) => world.nodes.get(id)?.state?.role === 'leader');
      const leader = leaders[world.choices.choose(`${this.#label}.leader`, leaders.length)];
      if (leader !== undefined) return leader;
    }
    return ids[world.choices.choose(`${this.#label}.node`, ids.length)] as NodeId;
  }

  /** Now and then a client makes several calls without a pause. */
  #think(): Promise<void> {
    const { world, manners } = this.#options;
    if (this.#burst > 0) {
      this.#burst -= 1;
      return this.#sleep(0);
    }
    if (happens(world.choices, `${this.#label}.burst`, 100)) {
      this.#burst = world.choices.choose(`${this.#label}.burstLength`, 8);
    }
    // Half of the longest is the benign answer: who never pauses leaves time for nothing else.
    const share = (world.choices.choose(`${this.#label}.thinkMs`, 256) + 128) % 256;
    return this.#sleep((share / 255) * 2 * manners.thinkMs);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.world.setTimer(() => resolve(), ms);
    });
  }
}
