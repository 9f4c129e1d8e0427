import { setTimeout as sleep } from 'node:timers/promises';
import type { ChaosCluster } from './cluster.ts';
import { type Order, type OrderAnswer, type Picture, slotOf } from './protocol.ts';

const roundMs = 100;
/** A change is given up after that, and what was wanted before is wanted again. */
const patienceMs = 6000;

type OnAnswer = (order: Order, answer: OrderAnswer) => void;

/** Who should take part, by name. */
interface Wish {
  readonly voters: readonly string[];
  readonly learners: readonly string[];
}

/**
 * Sees to it that the membership is what is wanted, by asking whoever leads for the next change,
 * however often that fails. One thing is wanted at a time.
 */
export class Operator {
  readonly #cluster: ChaosCluster;
  readonly #onAnswer: OnAnswer;
  readonly #over = new AbortController();
  #wish: Wish;
  #loop: Promise<void> = Promise.resolve();
  /** The one under way; the next one begins after it. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(cluster: ChaosCluster, onAnswer: OnAnswer) {
    this.#cluster = cluster;
    this.#onAnswer = onAnswer;
    this.#wish = { voters: cluster.names, learners: [] };
  }

  start(): void {
    this.#loop = this.#run();
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#loop;
  }

  /** Whether the leader's membership is as wanted, and committed. */
  get isSettled(): boolean {
    const picture = this.#picture;
    if (picture === undefined || !picture.isSettled) return false;
    return nextOrder(picture, this.#wish) === undefined;
  }

  /** Whether every slot has a voter, and nobody else takes part. */
  get isWhole(): boolean {
    const { names } = this.#cluster;
    const { voters, learners } = this.#wish;
    const isWanted = learners.length === 0 && names.every((name) => voters.includes(name));
    return isWanted && this.isSettled;
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    await this.#turn;
  }

  /** A voter becomes a learner for a while. */
  demote(slot: string, lastsMs: number, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      const name = this.#cluster.nameOf(slot);
      const all = this.#cluster.names;
      this.#wish = { voters: all.filter((one) => one !== name), learners: [name] };
      await this.#settled(signal);
      await sleep(lastsMs, undefined, { signal }).catch(() => undefined);
      this.#wish = { voters: all, learners: [] };
      await this.#settled(signal);
    });
  }

  /** A node leaves for good, and a new one comes: first as a learner, then as a voter. */
  replace(slot: string, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      const name = this.#cluster.nameOf(slot);
      const others = this.#cluster.names.filter((one) => one !== name);
      this.#cluster.witness.dismisses(name);
      this.#wish = { voters: others, learners: [] };
      // Once its removal was asked for, it is not known whether it comes: there is no way back.
      await this.#settled(undefined);
      if (this.#over.signal.aborted) return;
      const replacement = await this.#cluster.replace(slot);
      this.#wish = { voters: others, learners: [replacement] };
      await this.#settled(signal);
      this.#wish = { voters: [...others, replacement], learners: [] };
      await this.#settled(signal);
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #settled(signal: AbortSignal | undefined): Promise<void> {
    const until = performance.now() + patienceMs;
    while (!this.isSettled && !this.#over.signal.aborted) {
      if (signal !== undefined && (signal.aborted || performance.now() > until)) return;
      await sleep(roundMs);
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      const { leader } = this.#cluster;
      const picture = this.#picture;
      const order = picture && nextOrder(picture, this.#wish);
      if (leader !== undefined && order !== undefined) {
        this.#onAnswer(order, await this.#cluster.order(leader, order));
      }
      await sleep(roundMs, undefined, { signal }).catch(() => undefined);
    }
  }

  get #picture(): Picture | undefined {
    const { leader } = this.#cluster;
    return leader === undefined ? undefined : this.#cluster.pictureOf(leader);
  }
}

/** What to ask for next on the way to what is wanted; nothing, if that is there. */
export function nextOrder(
  { membership: { voters, nodes } }: Pick<Picture, 'membership'>,
  wish: Wish,
): Order | undefined {
  const wanted = [...wish.voters, ...wish.learners];
  const known = Object.keys(nodes);
  const superfluous = known.find((name) => !wanted.includes(name) && !voters.flat().includes(name));
  if (superfluous !== undefined) return { type: 'removeLearner', node: superfluous };
  // A new node in a slot comes after the old one has left.
  const slots = new Set(known.map(slotOf));
  const missing = wanted.find((name) => !known.includes(name) && !slots.has(slotOf(name)));
  if (missing !== undefined) return { type: 'addLearner', node: missing };
  const next = wish.voters.filter((name) => known.includes(name));
  const [current = [], ...others] = voters;
  const isSame =
    others.length === 0 &&
    current.length === next.length &&
    current.every((name) => next.includes(name));
  if (isSame || next.length === 0) return undefined;
  const keepRemoved = current.some((name) => wish.learners.includes(name));
  return { type: 'changeVoters', voters: next, keepRemoved };
}
