import type { RaftRpc } from '../../src/contract/network.ts';
import type { Committed } from '../../src/contract/state-machine.ts';
import type { Action } from '../../src/core/action.ts';
import type { Event } from '../../src/core/event.ts';
import type { CoreState } from '../../src/core/state.ts';
import type {
  Entry,
  Identity,
  LogId,
  LogIndex,
  NodeId,
  SnapshotMeta,
  Vote,
} from '../../src/core/types.ts';
import type { Raft } from '../../src/node/raft.ts';
import type { Timer } from '../../src/platform/runtime.ts';
import type { Choices } from './choices.ts';
import type { Knobs } from './knobs.ts';
import type { Command, KeyValueMachine, Response } from './machine.ts';
import type { TraceRecorder } from './trace.ts';

// What the world shows to those who check it, and to those who work in it.

/** What one node's disk has acknowledged: exactly what must be there after any crash. */
export interface Durable {
  readonly identity: Identity | undefined;
  readonly vote: Vote | undefined;
  /** The last entry that was removed from the start of the log. */
  readonly purged: LogId;
  /** The entries behind `purged`, in order: index `purged.index + 1` is the first. */
  readonly entries: readonly Entry[];
  /** The newest snapshot that was saved or received whole. */
  readonly snapshot: SnapshotMeta | undefined;
}

/** One node as those outside see it. The object stays the same over all its lives. */
export interface NodeView {
  readonly id: NodeId;
  /** Counts the starts of this name's process, from 1; 0 before the first. */
  readonly life: number;
  /** Counts the disks of this name, from 1: a wiped node comes back with another one. */
  readonly disk: number;
  /** It has recovered and takes calls. */
  readonly isUp: boolean;
  /** Its disk gives, or has given in this life, something else than was written. */
  readonly hasDamage: boolean;
  /** The process stands still; what comes to it waits. */
  readonly isPaused: boolean;
  /** It was removed from the cluster for good, or is one that the last phase keeps dead. */
  readonly isRetired: boolean;
  /** The core's live state, `undefined` while it is down. */
  readonly state: Readonly<CoreState> | undefined;
  readonly raft: Raft<Command, Response> | undefined;
  /** The state machine of the present life. */
  readonly machine: KeyValueMachine;
  readonly durable: Durable;
}

/** One call between two nodes. The object stays the same from the send to the answer. */
export interface SimMessage {
  /** Counts from 1 over the whole run. A repeated delivery has the number of the first one. */
  readonly number: number;
  readonly kind: keyof RaftRpc;
  readonly from: NodeId;
  readonly to: NodeId;
  /** Which life of the sender sent it. */
  readonly fromLife: number;
  /** As the contract types it for this kind; `undefined` for `identify`. */
  readonly request: unknown;
  readonly sentAt: number;
}

/** Once a node is closed, nobody waits for it and nothing of it is going to run. */
export interface LeftBehind {
  /** Timers that are set. */
  readonly timers: number;
  /** Calls of the application without an end. */
  readonly calls: number;
}

/**
 * Everything that happens, told at the very moment and in this order: within one step of the core
 * first what it sent and answered, then `stepped`. The state of every node may be looked at
 * meanwhile. `at` is the world's time in milliseconds.
 */
export type Happening =
  /** A process starts with what its disk has; `acknowledged` is what the disk had promised. */
  | {
      readonly type: 'recovered';
      readonly node: NodeView;
      readonly found: Durable;
      readonly acknowledged: Durable;
    }
  /** It takes part from now on. */
  | { readonly type: 'started'; readonly node: NodeView }
  /** `oldDisk`: told after `wipe`, the next start finds a copy of one of its disks, from before. */
  /** `crash`: it is gone in the middle of things. `stop`: it ended itself, with `cause`. */
  | {
      readonly type: 'ended';
      readonly node: NodeView;
      readonly how: 'crash' | 'close' | 'stop' | 'wipe' | 'oldDisk';
      readonly cause?: unknown;
      /** What is still there of a process that had closed its node before it ended. */
      readonly left?: LeftBehind;
    }
  /** The core took `event` and gave `actions`; `state` is what came of it. */
  | {
      readonly type: 'stepped';
      readonly node: NodeView;
      readonly event: Event;
      readonly actions: readonly Action[];
      readonly state: Readonly<CoreState>;
    }
  /** The disk acknowledged a write of the log; `node.durable` has it by now. */
  | {
      readonly type: 'stored';
      readonly node: NodeView;
      readonly identity?: Identity | undefined;
      readonly vote?: Vote | undefined;
      readonly truncate?: LogIndex | undefined;
      readonly append?: readonly Entry[] | undefined;
      readonly purge?: LogId | undefined;
    }
  /** A snapshot is saved (`built` here, or `received` from a leader). */
  | {
      readonly type: 'snapshotSaved';
      readonly node: NodeView;
      readonly meta: SnapshotMeta;
      readonly how: 'built' | 'received';
    }
  /** A request leaves a node. */
  | { readonly type: 'sent'; readonly message: SimMessage; readonly node: NodeView }
  /** A request comes to a node that is up; `copy` if it did before. */
  | {
      readonly type: 'delivered';
      readonly message: SimMessage;
      readonly node: NodeView;
      readonly copy: boolean;
    }
  /** The answer leaves the node that was asked: `response`, or the `error` it refused with. */
  | {
      readonly type: 'answered';
      readonly message: SimMessage;
      readonly node: NodeView;
      readonly response?: unknown;
      readonly error?: unknown;
      readonly copy: boolean;
    }
  /** The state machine of a node took these commands. Other entries never reach it. */
  | {
      readonly type: 'applied';
      readonly node: NodeView;
      readonly batch: readonly Committed<Command>[];
      readonly responses: readonly Response[];
    }
  /** The state was frozen for a snapshot; `digest` is that of the state. */
  | { readonly type: 'frozen'; readonly node: NodeView; readonly digest: string }
  /** The state was replaced by a snapshot's. */
  | {
      readonly type: 'restored';
      readonly node: NodeView;
      readonly meta: SnapshotMeta;
      readonly digest: string;
    }
  /** A call of the disk, or its failure. For S25: after an `error` the life must say nothing. */
  | {
      readonly type: 'diskFailed';
      readonly node: NodeView;
      readonly operation: string;
      readonly path: string;
      readonly code: string;
    }
  /** A fault was put in or taken away; for the accounts. */
  | { readonly type: 'fault'; readonly kind: string; readonly text: string }
  | { readonly type: 'phase'; readonly phase: Phase };

/**
 * `chaos`: anything goes. `calm`: only `core` lives, its links and disks are well, and it must do
 * all that a cluster does. `end`: nothing moves any more.
 */
export type Phase =
  | { readonly name: 'chaos' }
  | { readonly name: 'calm'; readonly core: readonly NodeId[] }
  | { readonly name: 'end' };

/** Checks what it sees. Throws a `SimViolation`; the run ends there. */
export interface Oracle {
  /** Called at each happening, at once. Must not change anything. */
  after(happening: Happening): void;
  /** Called after each event of the world, when all that it set in motion has come to rest. */
  settled?(): void;
  /** Called once, when the calm phase is over; also may reject. */
  atEnd(): void | Promise<void>;
}

/** How a call to a node ended. `lost`: the node ended first, and nobody knows what came of it. */
export type Outcome<Value> =
  | { readonly type: 'value'; readonly value: Value }
  | { readonly type: 'error'; readonly error: unknown }
  | { readonly type: 'lost' }
  /** The node was not up, so the call was never made. */
  | { readonly type: 'down' };

/** What clients and oracles are given. */
export interface SimWorld {
  readonly knobs: Knobs;
  readonly choices: Choices;
  readonly trace: TraceRecorder;
  /** The world's time in milliseconds; no node sees it. */
  readonly now: number;
  readonly phase: Phase;
  /** Every node that there ever was, by name. */
  readonly nodes: ReadonlyMap<NodeId, NodeView>;
  /** Runs `run` after `ms` of the world's time. For clients; nodes have their own clocks. */
  setTimer(run: () => void, ms: number): Timer;
  /**
   * Has application code run on a node: `put` gets what such code would have, in that node's own
   * process. It never rejects. The node may be paused: `put` then runs, or its result is seen, when
   * it goes on.
   */
  call<Value>(
    node: NodeId,
    put: (raft: Raft<Command, Response>, machine: KeyValueMachine) => Promise<Value>,
  ): Promise<Outcome<Value>>;
  /** Ends the run with this; the first one counts. */
  fail(error: unknown): void;
  /** Counts a thing that was met, for the report of a campaign. */
  mark(name: string): void;
}

/** What clients do. One object for one run. */
export interface Workload {
  /** Begins. Called when the cluster is formed and its first leader known. */
  start(world: SimWorld): void;
  /**
   * Takes nothing new up and resolves when every call has ended; called in the calm phase, in which
   * the world goes on until it has, or the bound of the phase is over.
   */
  finish(): Promise<void>;
  /** How many client steps were made; they count as events. */
  readonly stepCount: number;
}

/** Something happened that must never happen. `code` is that of the table in docs/simulator.md. */
export class SimViolation extends Error {
  override readonly name = 'SimViolation';
  readonly code: string;
  readonly title: string;

  constructor(code: string, title: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.title = title;
  }
}
