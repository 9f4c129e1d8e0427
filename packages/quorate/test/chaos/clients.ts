import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../walker/random.ts';
import { CallError, type Caller } from './call.ts';
import type { ChaosCluster } from './cluster.ts';
import type { ChaosHistory } from './history.ts';
import type { Operation, OperationAnswer, OperationRequest } from './protocol.ts';

/** A client asks again after that. */
const attemptMs = 1500;
/** How often it asks the same node for the same operation, and how many nodes it tries. */
const maxRepeats = 4;
const maxNodes = 3;
/** Keys are used for so long, so that each has a history that can be checked. */
export const generationMs = 4000;
const registersPerGeneration = 3;
const listsPerGeneration = 2;
const thinkMs = { from: 4, below: 20 };

export interface ClientsOptions {
  readonly seed: string;
  readonly count: number;
  readonly cluster: ChaosCluster;
  readonly history: ChaosHistory;
  readonly caller: Caller;
}

/** The key of the counts that each client has for itself. */
export const countPrefix = 'count.';
export const registerPrefix = 'register.';

/** All clients; each makes one call at a time. */
export class Clients {
  readonly #options: ClientsOptions;
  readonly #startedAt = performance.now();
  readonly #over = new AbortController();
  readonly #running: readonly Promise<void>[];

  constructor(options: ClientsOptions) {
    this.#options = options;
    const numbers = Array.from({ length: options.count }, (_, at) => at + 1);
    this.#running = numbers.map((number) => this.#run(`c${number}`));
  }

  /** Keys of older generations are not used any more. */
  get generation(): number {
    return Math.floor((performance.now() - this.#startedAt) / generationMs);
  }

  /** Whether they make no new calls any more. */
  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  /** Resolves once every client has its last answer, or has given up on it. */
  async stop(): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#running);
  }

  async #run(name: string): Promise<void> {
    const { seed, cluster, history } = this.#options;
    const random = new Random(seed, name);
    const client = new Client(name, random, this.#options);
    while (!this.#over.signal.aborted) {
      const operation = client.draw(this.generation);
      const { outcome } = await client.operate(operation, random.pick(cluster.slots));
      if (history.counts.ok > 0 && outcome === 'ok') await sleep(random.below(thinkMs.below));
      else await sleep(thinkMs.below * 2);
    }
  }
}

/** One client. What it asks for is drawn; what it is answered goes into the history. */
export class Client {
  readonly #name: string;
  readonly #random: Random;
  readonly #options: Pick<ClientsOptions, 'cluster' | 'history' | 'caller'>;
  /** The value that it saw last under each key of this generation. */
  #seen = new Map<string, string>();
  #generation = -1;
  #number = 0;

  constructor(
    name: string,
    random: Random,
    options: Pick<ClientsOptions, 'cluster' | 'history' | 'caller'>,
  ) {
    this.#name = name;
    this.#random = random;
    this.#options = options;
  }

  draw(generation: number): Operation {
    if (generation !== this.#generation) this.#seen = new Map();
    this.#generation = generation;
    const random = this.#random;
    const via = random.chance(0.6) ? 'session' : 'plain';
    const value = `${this.#name}.${this.#number + 1}`;
    const dice = random.real();
    if (dice < 0.12) return { type: 'add', key: `${countPrefix}${this.#name}`, via: 'session' };
    const register = `${registerPrefix}${generation}.${random.below(registersPerGeneration)}`;
    const list = `list.${generation}.${random.below(listsPerGeneration)}`;
    if (dice < 0.3) return { type: 'append', key: list, value: `${value};`, via };
    if (dice < 0.45) return { type: 'put', key: register, value, via };
    const from = this.#seen.get(register);
    if (dice < 0.65 && from !== undefined) return { type: 'cas', key: register, from, value, via };
    const mode = random.chance(0.5) ? 'quorum' : 'lease';
    return { type: 'get', key: random.chance(0.6) ? register : list, mode };
  }

  /** Asks `slot`, and others where that does not hurt, and notes what came of it. */
  async operate(operation: Operation, slot: string): Promise<OperationAnswer> {
    const { history, cluster } = this.#options;
    this.#number += 1;
    const request = { client: this.#name, number: this.#number, operation };
    const calledAt = history.tick();
    let at = slot;
    let answer: OperationAnswer = { outcome: 'failed', reason: 'No node was asked.' };
    for (let tried = 0; tried < maxNodes; tried += 1) {
      answer = await this.#ask(at, request);
      if (answer.outcome !== 'failed') break;
      if (tried < maxNodes - 1) at = this.#random.pick(cluster.slots);
    }
    const returnedAt = history.tick();
    const node = cluster.nameOf(at);
    history.add({ client: this.#name, operation, calledAt, returnedAt, answer, node });
    this.#look(operation, answer);
    return answer;
  }

  /**
   * Asks one node until it answers. It knows the operation by its number, so that asking again
   * begins nothing new; if it is gone, nobody knows what became of it.
   */
  async #ask(slot: string, request: OperationRequest): Promise<OperationAnswer> {
    const { cluster, caller } = this.#options;
    const process = cluster.processOf(slot);
    const isRead = request.operation.type === 'get';
    let mayHaveArrived = false;
    let reason = 'it does not run';
    for (let repeat = 0; repeat < maxRepeats; repeat += 1) {
      const port = cluster.portOf(slot);
      if (port === undefined || cluster.processOf(slot) !== process) break;
      try {
        return (await caller.call(port, '/operation', request, attemptMs)) as OperationAnswer;
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        reason = error.message;
        mayHaveArrived ||= !error.isUnsent;
        // Another node answers a read as well.
        if (isRead) break;
      }
    }
    return { outcome: mayHaveArrived && !isRead ? 'unknown' : 'failed', reason };
  }

  #look(operation: Operation, answer: OperationAnswer): void {
    if (answer.outcome !== 'ok') return;
    const { type, key } = operation;
    if (type === 'get' && typeof answer.value === 'string') this.#seen.set(key, answer.value);
    if (type === 'put' || (type === 'cas' && answer.value === true)) {
      this.#seen.set(key, operation.value);
    }
  }
}
