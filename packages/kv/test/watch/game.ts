import assert from 'node:assert/strict';
import type { KvError } from '../../src/errors.ts';
import { WatchHub } from '../../src/server/watch/hub.ts';
import type { WatchedStore } from '../../src/server/watch/watched-store.ts';
import type { EventType, WatchBatch, WatchRequest } from '../../src/types.ts';
import { VirtualRuntime } from '../leases/virtual-runtime.ts';
import { type FakeChange, FakeStore, type Write } from './fake-store.ts';
import { bytes, inShort, type Watch } from './kit.ts';

/** What a watch of the game asks for. */
export interface Aim {
  readonly key: string;
  readonly end: string | undefined;
  readonly previous: boolean;
  readonly without: EventType | undefined;
  readonly progress: boolean;
}

export type Step =
  | { readonly type: 'write'; readonly writes: readonly Write[]; readonly isTold: boolean }
  | { readonly type: 'watch'; readonly aim: Aim; readonly from: number; readonly hub: 0 | 1 }
  | { readonly type: 'pull' | 'cancel' | 'move'; readonly which: number }
  | { readonly type: 'compact'; readonly back: number }
  | { readonly type: 'pass'; readonly ms: number };

/** A store under test: does the same as the history that it is compared with. */
export interface StoreUnderTest {
  readonly watched: WatchedStore;
  txn(writes: readonly Write[]): void;
  compact(revision: number): void;
}

interface Player {
  readonly aim: Aim;
  hub: 0 | 1;
  watch: Watch;
  /** What it must be told next. */
  position: number;
  pull: 'none' | 'waits' | 'over';
}

/** Plays random histories to random watchers, and knows from all of it what each must be told. */
export class Game {
  readonly #runtime = new VirtualRuntime();
  /** Everything that happened, compacted or not. */
  readonly #all = new FakeStore();
  readonly #store: StoreUnderTest;
  readonly #hubs: readonly [WatchHub, WatchHub];
  readonly #players: Player[] = [];
  #compactedRevision = 0;
  /** What went wrong where nobody waits. */
  #failure: Error | undefined = undefined;
  /** What the game has seen, so that nobody takes an empty one for a good one. */
  readonly seen = { events: 0, marks: 0, compacted: 0 };

  constructor(store: StoreUnderTest) {
    this.#store = store;
    const options = {
      store: store.watched,
      runtime: this.#runtime,
      limits: { maxWatchers: 1000, maxKeyBytes: 100 },
      maxBatchEvents: 3,
      progressIntervalMs: 1000,
    };
    this.#hubs = [new WatchHub(options), new WatchHub(options)];
  }

  async play(step: Step): Promise<void> {
    switch (step.type) {
      case 'write':
        this.#store.txn(step.writes);
        this.#all.txn(...step.writes);
        assert.equal(this.#store.watched.revision, this.#all.revision);
        if (step.isTold) this.#apply();
        break;
      case 'watch':
        this.#watch(step);
        break;
      case 'compact':
        this.#compact(Math.max(0, this.#all.revision - step.back));
        break;
      case 'pass':
        await this.#runtime.pass(step.ms);
        break;
      default:
        await this.#move(step.type, step.which);
    }
    await this.#runtime.turns();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Everybody who asks is told everything; then all go. */
  async finish(): Promise<void> {
    for (let rounds = 0; rounds < 50; rounds += 1) {
      this.#apply();
      for (const player of this.#players) this.#pull(player);
      await this.#runtime.pass(60);
      if (this.#failure !== undefined) throw this.#failure;
    }
    for (const player of this.#players) {
      if (player.pull === 'over') continue;
      assert.deepEqual(this.#expected(player, this.#all.revision), []);
      await player.watch.return?.();
    }
    for (const hub of this.#hubs) assert(hub.isEmpty, 'nothing may be left of watchers');
    assert.equal(this.#runtime.timerCount, 0);
  }

  #apply(): void {
    for (const hub of this.#hubs) hub.applied();
  }

  #watch({ aim, from, hub }: Extract<Step, { readonly type: 'watch' }>): void {
    const position = from === 0 ? this.#all.revision + 1 : from;
    const watch = this.#hubs[hub].watch(requestOf(aim, from), noAbort());
    this.#players.push({ aim, hub, watch, position, pull: 'none' });
  }

  #compact(revision: number): void {
    if (revision <= this.#compactedRevision) return;
    for (const hub of this.#hubs) hub.compacting();
    this.#store.compact(revision);
    this.#compactedRevision = revision;
    this.#apply();
  }

  async #move(type: 'pull' | 'cancel' | 'move', which: number): Promise<void> {
    const player = this.#players[which % Math.max(1, this.#players.length)];
    if (player === undefined) return;
    if (type === 'pull') {
      this.#pull(player);
      return;
    }
    await player.watch.return?.();
    // What it was told a moment ago counts before it goes on elsewhere.
    await this.#runtime.turns();
    if (type === 'cancel') {
      player.pull = 'over';
      return;
    }
    player.hub = player.hub === 0 ? 1 : 0;
    const request = requestOf(player.aim, player.position);
    player.watch = this.#hubs[player.hub].watch(request, noAbort());
    player.pull = 'none';
  }

  #pull(player: Player): void {
    if (player.pull !== 'none') return;
    const { watch } = player;
    const mustFail = player.position <= this.#compactedRevision;
    player.pull = 'waits';
    const fail = (error: unknown): void => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    };
    watch
      .next()
      .then(
        ({ value }) => {
          if (value === undefined) return; // It was returned from.
          assert(!mustFail, 'what is compacted was told all the same');
          this.#onBatch(player, value);
          if (player.watch === watch && player.pull === 'waits') player.pull = 'none';
        },
        (error: unknown) => {
          player.pull = 'over';
          assert.equal((error as KvError).code, 'KV_COMPACTED');
          assert(mustFail, 'what is not compacted was refused');
          this.seen.compacted += 1;
        },
      )
      .catch(fail);
  }

  /** Whole revisions, in order, each once, nothing left out. */
  #onBatch(player: Player, { revision, events }: WatchBatch): void {
    assert(revision >= player.position - 1, 'a batch must not go back');
    assert(revision <= this.#all.revision, 'a batch must not run ahead');
    assert.deepEqual(events.map(inShort), this.#expected(player, revision));
    assert(events.length > 0 || player.aim.progress, 'a mark must be asked for');
    if (events.length === 0) this.seen.marks += 1;
    this.seen.events += events.length;
    const before = events.filter(({ kv }) => kv.modRevision !== events.at(-1)?.kv.modRevision);
    assert(before.length < 3, 'a batch must end where it is full');
    player.position = revision + 1;
  }

  #expected({ aim, position }: Player, upTo: number): readonly string[] {
    const expected: string[] = [];
    for (let revision = Math.max(2, position); revision <= upTo; revision += 1) {
      for (const change of this.#all.changesAt(revision) ?? []) {
        if (isWanted(aim, change)) expected.push(inShort(this.#all.eventOf(change, aim)));
      }
    }
    return expected;
  }
}

function isWanted({ key, end, without }: Aim, change: FakeChange): boolean {
  if (change.type === without) return false;
  if (end === undefined) return change.key === key;
  return change.key >= key && (end === '\0' || change.key < end);
}

function requestOf({ key, end, without, previous, progress }: Aim, from: number): WatchRequest {
  return {
    key: bytes(key),
    from,
    previous,
    progress,
    ...(end === undefined ? {} : { end: bytes(end) }),
    ...(without === undefined ? {} : { without }),
  };
}

function noAbort(): { readonly signal: AbortSignal } {
  return { signal: new AbortController().signal };
}
