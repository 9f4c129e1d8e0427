import type { RaftRpc } from '../../src/contract/network.ts';
import type { NodeId, SnapshotMeta } from '../../src/core/types.ts';
import { Engine } from '../../src/node/engine.ts';
import { Raft } from '../../src/node/raft.ts';
import { walStorage } from '../../src/storage/wal.ts';
import type { SimOperation, SimOperationType } from '../../src/testing/sim-fs/faults.ts';
import { type CrashKind, SimDisk } from './disk.ts';
import { DurableModel, readDurable, recordingStorage, type StoredChange } from './durable.ts';
import { type NodeView, SimViolation } from './hooks.ts';
import { type Command, KeyValueMachine, type Response } from './machine.ts';
import type { NodeHost } from './node-host.ts';
import { NodeTracer } from './node-tracer.ts';
import { SimProcess } from './process.ts';

/** When a node is to crash: at the next such thing that it does, but for `skip` of them. */
export interface CrashPoint {
  readonly what: 'send' | 'answer' | SimOperationType;
  readonly kind?: keyof RaftRpc | undefined;
  readonly when: 'before' | 'after';
  readonly how: CrashKind;
  skip: number;
}

/** One node: its disks, and its processes one after the other. */
export class SimNode implements NodeView {
  readonly id: NodeId;
  readonly world: NodeHost;
  readonly store: SimDisk;
  life = 0;
  disk = 1;
  isRetired = false;
  /** Its disk is not the one that the cluster knows, or it is about to leave. */
  isDoubted = false;
  /** How fast the clock of its next process goes. */
  rate = 1;
  /** How long its next process takes for one event. */
  slowMs = 0;
  /** How long it takes for each batch that it applies, if longer than the knobs say. */
  applyMs = 0;
  process: SimProcess | undefined = undefined;
  raft: Raft<Command, Response> | undefined = undefined;
  machine: KeyValueMachine;
  durable: DurableModel = new DurableModel();
  crashPoint: CrashPoint | undefined = undefined;
  #engine: Engine | undefined = undefined;
  #isClosing = false;
  readonly #tracer: NodeTracer;

  constructor(id: NodeId, world: NodeHost) {
    this.id = id;
    this.world = world;
    this.#tracer = new NodeTracer(id, world.trace);
    this.machine = this.#newMachine(undefined);
    this.store = new SimDisk({
      queue: world.queue,
      choices: world.choices,
      delayMs: world.knobs.disk.delayMs,
      onOperation: (operation, when) => this.#onOperation(operation, when),
      onFailed: ({ type, path }, code) => {
        const failed = { operation: type, path, code };
        this.world.happen({ type: 'diskFailed', node: this, ...failed });
      },
      onStall: (operation, ms) => this.#onStall(operation, ms),
    });
  }

  get isUp(): boolean {
    return this.raft !== undefined && !this.#isClosing;
  }

  get isPaused(): boolean {
    return this.process?.isPaused ?? false;
  }

  /** A process of it lives, though it may still be recovering. */
  get isAlive(): boolean {
    return this.process !== undefined && !this.process.isDead;
  }

  get state(): NodeView['state'] {
    return this.#engine?.state;
  }

  /** Starts a process on what is on the disk. */
  start(): void {
    if (this.isAlive) return;
    const { queue, choices } = this.world;
    this.life += 1;
    this.#isClosing = false;
    const process = new SimProcess({
      node: this.id,
      life: this.life,
      queue,
      choices,
      rate: this.rate,
    });
    process.slowMs = this.slowMs;
    this.process = process;
    this.store.attach(process);
    this.#run(process).catch((error: unknown) => this.#endedItself(process, error));
  }

  /** Ends the process in the middle of things. */
  crash(kind: CrashKind): void {
    const { process } = this;
    if (process === undefined || process.isDead) return;
    this.#drop(process);
    this.store.crash(kind);
    this.#ended('crash');
    this.world.trace.add({ type: 'crash', node: this.id, detail: kind });
  }

  /** Closes the node as an application does that ends. */
  async close({ handOver }: { handOver: boolean }): Promise<void> {
    const { raft, process } = this;
    if (raft === undefined || process === undefined || this.#isClosing) return;
    this.#isClosing = true;
    await raft.close({ handOver });
    if (process.isDead) return;
    this.#drop(process);
    this.store.crash('kill');
    this.#ended('close');
    this.world.trace.add({ type: 'close', node: this.id });
  }

  /** Ends the process, if there is one, and puts an empty disk in the place of the one it had. */
  wipe(): void {
    if (this.process !== undefined) this.#drop(this.process);
    this.store.replace();
    this.durable = new DurableModel();
    this.disk += 1;
    this.#ended('wipe');
    this.world.trace.add({ type: 'wipe', node: this.id });
  }

  pause(): void {
    if (!this.isUp || this.isPaused) return;
    this.process?.pause();
    this.world.trace.add({ type: 'pause', node: this.id });
  }

  resume(): void {
    if (!this.isAlive || !this.isPaused) return;
    this.process?.resume();
    this.world.trace.add({ type: 'resume', node: this.id });
  }

  /** Crashes the node if this is the moment; the caller must then stop at once. */
  crashesAt(
    what: CrashPoint['what'],
    kind: keyof RaftRpc | undefined,
    when: CrashPoint['when'],
  ): boolean {
    const point = this.crashPoint;
    if (point === undefined || point.what !== what || point.when !== when) return false;
    if (point.kind !== undefined && point.kind !== kind) return false;
    point.skip -= 1;
    if (point.skip >= 0) return false;
    this.crashPoint = undefined;
    this.world.countFault('process.crashAt');
    this.world.mark(`crashed ${when} ${what}`);
    this.crash(point.how);
    this.world.restartLater(this);
    return true;
  }

  async #run(process: SimProcess): Promise<void> {
    const { world } = this;
    const { segmentBytes, preallocate } = world.knobs.disk;
    const { files } = this.store;
    const storage = await walStorage('/data', {
      files,
      runtime: process,
      segmentBytes,
      preallocate,
    });
    const found = await readDurable(storage);
    if (process.isDead) return;
    const acknowledged = this.durable;
    this.durable = found;
    this.machine = this.#newMachine(process);
    world.happen({ type: 'recovered', node: this, found, acknowledged });
    const engine = await Engine.start<Command, Response>({
      id: this.id,
      stateMachine: this.machine,
      storage: recordingStorage(storage, {
        model: found,
        pieceBytes: world.knobs.process.pieceBytes,
        onStored: (change) => this.#stored(process, change),
        onSnapshot: (meta, how) => this.#snapshotSaved(process, meta, how),
      }),
      network: world.network.of(this, process),
      runtime: process,
      config: world.knobs.config,
    });
    if (process.isDead) return;
    this.#watch(engine, process);
    // What `Raft.start` does, with the engine kept to be looked at.
    const raft = Reflect.construct(Raft, [engine]) as Raft<Command, Response>;
    this.#engine = engine;
    this.raft = raft;
    world.trace.add({ type: 'start', node: this.id, detail: `life ${this.life}` });
    world.happen({ type: 'started', node: this });
    this.#tracer.stepped(engine.state, []);
  }

  #watch(engine: Engine, process: SimProcess): void {
    const { witness } = engine;
    const saw = witness.saw.bind(witness);
    const ended = witness.ended.bind(witness);
    witness.ended = (fatal) => {
      ended(fatal);
      if (fatal !== undefined) this.#endedItself(process, fatal);
    };
    witness.saw = (event, actions, state) => {
      saw(event, actions, state);
      if (process.isDead) return;
      this.#tracer.stepped(state, actions);
      this.world.happen({ type: 'stepped', node: this, event, actions, state });
    };
  }

  /** A node ends itself when its disk fails, and for nothing else. */
  #endedItself(process: SimProcess, cause: unknown): void {
    if (process.isDead || this.#isClosing) return;
    const mayFail = this.store.hasFailed;
    this.#drop(process);
    this.store.crash('kill');
    this.#ended('stop', cause);
    this.world.trace.add({ type: 'crash', node: this.id, detail: `by itself: ${String(cause)}` });
    if (mayFail) {
      this.world.mark('stopped by a failed disk');
      this.world.restartLater(this);
      return;
    }
    const message = `Node ${this.id} ended itself and no disk had failed: ${String(cause)}`;
    this.world.fail(new SimViolation('S26', 'own-assertions', message, { cause }));
  }

  #drop(process: SimProcess): void {
    process.kill();
    this.raft = undefined;
    this.#engine = undefined;
    this.crashPoint = undefined;
  }

  #ended(how: 'crash' | 'close' | 'stop' | 'wipe', cause?: unknown): void {
    this.world.happen({
      type: 'ended',
      node: this,
      how,
      ...(cause === undefined ? {} : { cause }),
    });
  }

  #stored(process: SimProcess, change: StoredChange): void {
    if (process.isDead) return;
    // What the log asks for says its own type as well.
    this.world.happen({ ...change, type: 'stored', node: this });
  }

  #snapshotSaved(process: SimProcess, meta: SnapshotMeta, how: 'built' | 'received'): void {
    if (process.isDead) return;
    this.world.mark(`snapshot ${how}`);
    this.world.happen({ type: 'snapshotSaved', node: this, meta, how });
  }

  #newMachine(process: SimProcess | undefined): KeyValueMachine {
    const { world } = this;
    const { applyMs, restoreMs, chunkBytes } = world.knobs.process;
    const sleep = (ms: number): Promise<void> | undefined =>
      ms === 0 ? undefined : new Promise((resolve) => process?.setTimer(() => resolve(), ms));
    const lives = (): boolean => process !== undefined && !process.isDead;
    return new KeyValueMachine({
      chunkBytes,
      pause: () => sleep(Math.max(applyMs, this.applyMs)),
      restorePause: () => sleep(restoreMs),
      witness: {
        applied: (batch, responses) => {
          if (!lives()) return;
          const index = batch.at(-1)?.logId.index ?? 0;
          world.trace.note('apply', () => ({ type: 'apply', node: this.id, index }));
          world.happen({ type: 'applied', node: this, batch, responses });
        },
        frozen: (digest) => {
          if (lives()) world.happen({ type: 'frozen', node: this, digest });
        },
        restored: (meta, digest) => {
          if (lives()) world.happen({ type: 'restored', node: this, meta, digest });
        },
      },
    });
  }

  #onOperation(operation: SimOperation, when: 'before' | 'after'): boolean {
    return this.crashesAt(operation.type, undefined, when);
  }

  #onStall({ type, path }: SimOperation, ms: number): void {
    const text = `${type} of ${path} takes ${Math.round(ms)} ms`;
    this.world.countFault('disk.stall');
    this.world.trace.note('disk', () => ({ type: 'disk', node: this.id, text }));
  }
}
