import type { RaftRpc } from '../../src/contract/network.ts';
import type { Storage } from '../../src/contract/storage.ts';
import type { NodeId, SnapshotMeta } from '../../src/core/types.ts';
import { Engine } from '../../src/node/engine.ts';
import { Raft } from '../../src/node/raft.ts';
import { walStorage } from '../../src/storage/wal.ts';
import type { SimOperation, SimOperationType } from '../../src/testing/sim-fs/faults.ts';
import type { SimFs } from '../../src/testing/sim-fs/sim-fs.ts';
import { type CrashKind, SimDisk } from './disk.ts';
import { DurableModel, readDurable, recordingStorage, type StoredChange } from './durable.ts';
import { type LeftBehind, type NodeView, SimViolation } from './hooks.ts';
import type { Command, KeyValueMachine, Response } from './machine.ts';
import type { NodeHost } from './node-host.ts';
import { newMachine } from './node-machine.ts';
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
  /** A copy of its disk, and the life that the disk had then. */
  copied: { readonly files: SimFs; readonly life: number } | undefined = undefined;
  /** How often it was started on a copy that was put back; `undefined`: its disk is none. */
  startsOnCopy: number | undefined = undefined;
  /** For others that told this process of themselves, of which life that was the newest. */
  readonly met = new Map<NodeId, number>();
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
  #storage: Storage | undefined = undefined;
  #isClosing = false;
  readonly #tracer: NodeTracer;

  constructor(id: NodeId, world: NodeHost) {
    this.id = id;
    this.world = world;
    this.#tracer = new NodeTracer(id, world.trace);
    this.machine = newMachine(this, undefined);
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

  get hasDamage(): boolean {
    return this.store.isDamaged || this.store.hasMisread;
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
    // A copy that is started twice counts as many starts as the disk that others remember.
    if (this.startsOnCopy !== undefined && this.startsOnCopy > 0) this.wipe();
    if (this.startsOnCopy !== undefined) this.startsOnCopy += 1;
    this.world.beforeStart(this);
    this.met.clear();
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
    const left = await this.#closed(raft, process, { handOver });
    if (process.isDead) return;
    this.#drop(process);
    this.store.crash('kill');
    this.#ended('close', { left });
    this.world.trace.add({ type: 'close', node: this.id });
  }

  /** Closes node and storage, and says what there still is of them when all has come to rest. */
  async #closed(
    raft: Raft<Command, Response>,
    process: SimProcess,
    { handOver }: { handOver: boolean },
  ): Promise<LeftBehind> {
    await raft.close({ handOver });
    await this.world.network.close(process);
    try {
      await this.#storage?.[Symbol.asyncDispose]();
    } catch (cause) {
      // A disk that fails may say so at the very end as well.
      if (!this.store.hasFailed) this.world.fail(cause);
    }
    await new Promise<void>((resolve) => process.yieldToIo(resolve));
    return { timers: process.timerCount, calls: process.callCount };
  }

  /** Ends the process, if there is one, and puts an empty disk in the place of the one it had. */
  wipe(): void {
    if (this.process !== undefined) this.#drop(this.process);
    this.store.replace();
    this.durable = new DurableModel();
    this.disk += 1;
    this.copied = undefined;
    this.startsOnCopy = undefined;
    this.#ended('wipe');
    this.world.trace.add({ type: 'wipe', node: this.id });
  }

  /** Ends the process, if there is one, and puts the copy in the place of the disk. */
  putBack(files: SimFs): void {
    this.wipe();
    this.store.putBack(files);
    this.startsOnCopy = 0;
    this.#ended('oldDisk');
  }

  pause(options?: { readonly isFrozen?: boolean }): void {
    if (!this.isUp || this.isPaused) return;
    this.process?.pause(options);
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
    this.#storage = storage;
    const acknowledged = this.durable;
    this.durable = found;
    this.machine = newMachine(this, process);
    world.happen({ type: 'recovered', node: this, found, acknowledged });
    const engine = await Engine.start<Command, Response>({
      id: this.id,
      stateMachine: this.machine,
      storage: recordingStorage(storage, {
        model: found,
        pieceBytes: world.knobs.process.pieceBytes,
        isGone: () => process.isDead,
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
    this.#tracer.started(engine.state);
    await world.network.serve(this, process, raft.rpc);
  }

  #watch(engine: Engine, process: SimProcess): void {
    const { witness } = engine;
    const saw = witness.saw.bind(witness);
    const ended = witness.ended.bind(witness);
    witness.ended = (fatal) => {
      ended(fatal);
      if (fatal !== undefined) void this.#stopped(process, fatal);
    };
    witness.saw = (event, actions, state) => {
      saw(event, actions, state);
      if (process.isDead) return;
      this.#tracer.stepped(state);
      this.world.happen({ type: 'stepped', node: this, event, actions, state });
    };
  }

  /** Its application is told that the node has stopped; it closes what there is, and ends. */
  async #stopped(process: SimProcess, cause: unknown): Promise<void> {
    const { raft } = this;
    if (process.isDead || this.#isClosing) return;
    if (raft === undefined || !this.store.hasFailed) return this.#endedItself(process, cause);
    this.#isClosing = true;
    const left = await this.#closed(raft, process, { handOver: false });
    this.#endedItself(process, cause, left);
  }

  /** A node ends itself when its disk fails, and for nothing else. */
  #endedItself(process: SimProcess, cause: unknown, left?: LeftBehind): void {
    if (process.isDead || (this.#isClosing && left === undefined)) return;
    const mayFail = this.store.hasFailed;
    this.#drop(process);
    this.store.crash('kill');
    this.#ended('stop', left === undefined ? { cause } : { cause, left });
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
    this.#storage = undefined;
    this.crashPoint = undefined;
  }

  #ended(
    how: 'crash' | 'close' | 'stop' | 'wipe' | 'oldDisk',
    more: { readonly cause?: unknown; readonly left?: LeftBehind } = {},
  ): void {
    this.world.happen({ type: 'ended', node: this, how, ...more });
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

  #onOperation(operation: SimOperation, when: 'before' | 'after'): boolean {
    return this.crashesAt(operation.type, undefined, when);
  }

  #onStall({ type, path }: SimOperation, ms: number): void {
    const text = `${type} of ${path} takes ${Math.round(ms)} ms`;
    this.world.countFault('disk.stall');
    this.world.trace.note('disk', () => ({ type: 'disk', node: this.id, text }));
  }
}
