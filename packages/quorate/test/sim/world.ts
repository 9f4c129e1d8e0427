import type { NodeId } from '../../src/core/types.ts';
import type { Raft } from '../../src/node/raft.ts';
import type { Timer } from '../../src/platform/runtime.ts';
import { between, type Choices } from './choices.ts';
import { drive } from './drive.ts';
import { EventQueue } from './event-queue.ts';
import {
  type Happening,
  type Oracle,
  type Outcome,
  type Phase,
  SimViolation,
  type SimWorld,
} from './hooks.ts';
import type { Knobs } from './knobs.ts';
import { Links } from './links.ts';
import type { Command, KeyValueMachine, Response } from './machine.ts';
import { SimNetwork } from './network.ts';
import { SimNode } from './node.ts';
import type { NodeHost } from './node-host.ts';
import { TraceRecorder } from './trace.ts';

export interface WorldOptions {
  readonly choices: Choices;
  readonly knobs: Knobs;
  readonly keepTrace: boolean;
  /** The run ends after this event of the trace. */
  readonly until?: number | undefined;
}

/** A run that goes on for longer than this does not come to an end by itself. */
const maxEvents = 5_000_000;

/** Everything in one run: time, nodes, wires, and who looks on. */
export class World implements SimWorld, NodeHost {
  readonly queue = new EventQueue();
  readonly choices: Choices;
  readonly knobs: Knobs;
  readonly trace: TraceRecorder;
  readonly links: Links;
  readonly network: SimNetwork;
  readonly nodes = new Map<NodeId, SimNode>();
  /** Who has the address of one that is gone: calls to that one come to it. */
  readonly tenants = new Map<NodeId, NodeId>();
  readonly marks = new Map<string, number>();
  readonly faults = new Map<string, number>();
  phase: Phase = { name: 'chaos' };
  /** Ends what operators still wait to do: aborted when the calm begins. */
  readonly operators = new AbortController();
  eventCount = 0;
  failure: { readonly error: unknown } | undefined = undefined;
  readonly #oracles: Oracle[] = [];
  readonly #until: number;

  constructor({ choices, knobs, keepTrace, until }: WorldOptions) {
    this.choices = choices;
    this.knobs = knobs;
    this.#until = until ?? Infinity;
    const { queue } = this;
    this.trace = new TraceRecorder({ keep: keepTrace, now: () => queue.now });
    const { delayMs, ordered, encoded, refuses, wire } = knobs.net;
    this.links = new Links({ queue, choices, delayMs, ordered });
    this.network = new SimNetwork({
      links: this.links,
      choices,
      trace: this.trace,
      ordered,
      encoded,
      refuses,
      node: (id) => this.nodes.get(this.tenants.get(id) ?? id),
      happen: (happening) => this.happen(happening),
      countFault: (kind) => this.countFault(kind),
      wire: wire === 'tcp' ? { queue, fail: (error) => this.fail(error) } : undefined,
    });
  }

  get now(): number {
    return this.queue.now;
  }

  /** The run has failed, or is cut off here. */
  get isOver(): boolean {
    return this.failure !== undefined || this.trace.count >= this.#until;
  }

  watch(oracle: Oracle): void {
    this.#oracles.push(oracle);
  }

  happen(happening: Happening): void {
    if (this.isOver) return;
    try {
      for (const oracle of this.#oracles) oracle.after(happening);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Lets the oracles have their last word. */
  async end(): Promise<void> {
    this.enter({ name: 'end' });
    for (const oracle of this.#oracles) {
      if (this.isOver) return;
      try {
        await oracle.atEnd();
      } catch (error) {
        this.fail(error);
      }
    }
  }

  enter(phase: Phase): void {
    this.phase = phase;
    const core = phase.name === 'calm' ? `: core ${phase.core.join(', ')}` : '';
    this.trace.add({ type: 'phase', text: phase.name + core });
    this.happen({ type: 'phase', phase });
  }

  /** Lets things happen until `isDone`, or for `ms`. Returns whether it is done. */
  async run(ms: number, isDone: () => boolean): Promise<boolean> {
    await drive({
      queue: this.queue,
      until: this.now + ms,
      isOver: () => {
        this.#settled();
        return this.isOver || isDone();
      },
      onEvent: () => {
        this.eventCount += 1;
      },
      onError: (error) => this.fail(error),
    });
    return isDone();
  }

  add(id: NodeId): SimNode {
    const node = new SimNode(id, this);
    const { slowest, fastest } = this.knobs.clock;
    const { 'clock.rate': isDrawn } = this.knobs.faults;
    node.rate = isDrawn ? between(this.choices, 'clock.rate', slowest, fastest) : 1;
    this.nodes.set(id, node);
    if (node.rate !== 1) {
      const text = `goes at ${node.rate.toFixed(3)}`;
      this.trace.add({ type: 'clock', node: id, text });
      this.countFault('clock.rate');
    }
    return node;
  }

  setTimer(run: () => void, ms: number): Timer {
    return this.queue.after(ms, run);
  }

  call<Value>(
    id: NodeId,
    put: (raft: Raft<Command, Response>, machine: KeyValueMachine) => Promise<Value>,
  ): Promise<Outcome<Value>> {
    const node = this.nodes.get(id);
    const raft = node?.raft;
    const process = node?.process;
    if (node === undefined || raft === undefined || process === undefined || !node.isUp) {
      return Promise.resolve({ type: 'down' });
    }
    return new Promise((resolve) => {
      const forget = process.onDeath(() => resolve({ type: 'lost' }));
      const end = (outcome: Outcome<Value>): void =>
        process.enter(() => {
          forget();
          resolve(outcome);
        });
      const settled = (outcome: Outcome<Value>): void => {
        process.callCount -= 1;
        end(outcome);
      };
      process.enter(() => {
        process.callCount += 1;
        attempt(() => put(raft, node.machine)).then(
          (value) => settled({ type: 'value', value }),
          (error: unknown) => settled({ type: 'error', error }),
        );
      });
    });
  }

  fail(error: unknown): void {
    if (this.failure !== undefined) return;
    this.failure = { error };
    const { code, text } = describe(error);
    this.trace.add({ type: 'violation', code, text });
    this.trace.end();
  }

  mark(name: string): void {
    this.marks.set(name, (this.marks.get(name) ?? 0) + 1);
  }

  countFault(kind: string): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
  }

  /** A fault was put in: counted, written down and told. */
  fault(kind: string, text: string): void {
    this.countFault(kind);
    this.happen({ type: 'fault', kind, text });
  }

  /**
   * What others remember of a disk tells an old copy of it. A process that is started remembers
   * nothing, so a copy that was not found out by then is taken away.
   */
  beforeStart(node: SimNode): void {
    for (const other of this.nodes.values()) {
      const isTold = other.state?.isQuarantined === true;
      if (other === node || other.startsOnCopy === undefined || isTold) continue;
      const { isAlive } = other;
      other.wipe();
      if (isAlive) this.restartLater(other);
    }
  }

  restartLater(node: SimNode): void {
    // Half of the restarts are so quick that nobody has noticed the end.
    const isQuick = this.choices.choose('nemesis.quickRestart', 2) === 0;
    const ms = between(this.choices, 'nemesis.restartMs', isQuick ? 0 : 50, isQuick ? 15 : 4000);
    this.queue.after(ms, () => {
      const isWanted = this.phase.name !== 'calm' || this.phase.core.includes(node.id);
      if (isWanted && !node.isRetired) node.start();
    });
  }

  #settled(): void {
    if (this.eventCount > maxEvents) {
      const message = `${maxEvents} events in ${Math.round(this.now)} ms are too many.`;
      this.fail(new SimViolation('S24', 'bounds', message));
    }
    if (this.isOver) return;
    try {
      for (const oracle of this.#oracles) oracle.settled?.();
    } catch (error) {
      this.fail(error);
    }
  }
}

/** What a failed run is put down to. */
export function describe(error: unknown): {
  readonly code: string;
  readonly title: string;
  readonly text: string;
} {
  if (error instanceof SimViolation) {
    return { code: error.code, title: error.title, text: error.message };
  }
  const text = error instanceof Error ? error.message : String(error);
  const isOurs = text.startsWith('Broken invariant');
  return isOurs
    ? { code: 'S26', title: 'own-assertions', text }
    : { code: 'crash', title: 'unexpected-error', text };
}

async function attempt<Value>(put: () => Promise<Value>): Promise<Value> {
  return put();
}
