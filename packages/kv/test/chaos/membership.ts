import type { KvClient, KvError } from '../../src/client.ts';
import type { KvChaosCluster } from './cluster.ts';
import type { Signals } from './lanes.ts';
import type { Operation } from './plan.ts';
import { type Ended, runQuorate } from './program.ts';
import { seatOf } from './restarts.ts';
import { pause } from './workers.ts';

type Replace = Extract<Operation, { readonly type: 'replace' }>;
type GrowAndShrink = Extract<Operation, { readonly type: 'grow and shrink' }>;

/** What somebody asks for, until it is so: each can be repeated. */
interface Step {
  readonly words: readonly string[];
  readonly call: (client: KvClient, options: Waiting) => Promise<unknown>;
}

interface Waiting {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

export interface MembershipParts {
  readonly cluster: KvChaosCluster;
  readonly client: KvClient;
  /** What must not be is told here. */
  readonly onFound: (code: string, text: string) => void;
  readonly note: (text: string) => void;
}

/** How long one try may take: it waits for elections, and for a new member to catch up. */
const tryMs = 15_000;
/** Once the faults are over, it must be done by then; before that, they may hinder it. */
const calmMs = 30_000;
const mostMs = 90_000;
const pauseMs = 200;

/** Changes who the members are, with all that belongs to it, while everything else goes on. */
export class Membership {
  readonly #parts: MembershipParts;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
  }

  /** One is killed and its disk is lost; another one takes its place. */
  async replace(operation: Replace, signals: Signals): Promise<boolean> {
    const { cluster } = this.#parts;
    const { by, startsFirst, victim } = operation;
    const leaving = seatOf(cluster, victim);
    const old = cluster.nameOf(leaving);
    await cluster.lose(leaving);
    const coming = cluster.seats.take();
    const [name, address] = [cluster.nameOf(coming), cluster.seats.addressOf(coming)];
    if (startsFirst) await cluster.start(coming);
    const step: Step = {
      words: ['member', 'replace', old, '--with', name, address, '--wait', '10s'],
      call: async ({ cluster: members }, waiting) => {
        await members.add({ id: name, address }, waiting);
        await members.promote({ id: name, insteadOf: old }, waiting);
      },
    };
    const doing = this.#until(step, by, signals);
    // The other order: it is waited for.
    await cluster.start(coming);
    if (!(await doing)) return false;
    await cluster.vacate(leaving);
    return this.#areMembers({ name, without: old }, signals);
  }

  /** One more comes and gets a vote; then one leaves in good order. */
  async growAndShrink({ by, victim }: GrowAndShrink, signals: Signals): Promise<boolean> {
    const { cluster } = this.#parts;
    const coming = cluster.seats.take();
    const [id, address] = [cluster.nameOf(coming), cluster.seats.addressOf(coming)];
    const add: Step = {
      words: ['member', 'add', id, address],
      call: ({ cluster: members }, waiting) => members.add({ id, address }, waiting),
    };
    const promote: Step = {
      words: ['member', 'promote', id, '--wait', '10s'],
      call: ({ cluster: members }, waiting) => members.promote({ id }, waiting),
    };
    if (!(await this.#until(add, by, signals))) return false;
    await cluster.start(coming);
    if (!(await this.#until(promote, by, signals))) return false;
    const leaving = seatOf(cluster, victim);
    const old = cluster.nameOf(leaving);
    const remove: Step = {
      words: ['member', 'remove', old],
      call: ({ cluster: members }, waiting) => members.remove({ id: old }, waiting),
    };
    // Once its removal was asked for, it may be out at any time.
    cluster.dismiss(leaving);
    if (!(await this.#until(remove, by, signals))) return false;
    await cluster.vacate(leaving);
    if (old === id) return true;
    return this.#areMembers({ name: id, without: old }, signals);
  }

  /** Asks again and again; in vain only while all is over, or there is something wrong. */
  async #until(step: Step, by: 'cli' | 'client', { over, halt }: Signals): Promise<boolean> {
    const { onFound, note } = this.#parts;
    const words = step.words.join(' ');
    const startedAt = performance.now();
    let calmSince = Infinity;
    for (let why = ''; !halt.aborted; ) {
      const now = performance.now();
      if (over.aborted) calmSince = Math.min(calmSince, now);
      if (now - calmSince > calmMs || now - startedAt > mostMs) {
        onFound('change-failed', `${words} was tried until now: ${why}`);
        return false;
      }
      const failure = await (by === 'cli' ? this.#run(step, halt) : this.#call(step, halt));
      if (failure === undefined) return true;
      why = failure;
      note(`${words} failed, and is tried again: ${why}`);
      await pause(pauseMs, halt);
    }
    return false;
  }

  async #run({ words }: Step, signal: AbortSignal): Promise<string | undefined> {
    const { cluster } = this.#parts;
    const endpoints = cluster.taken.map((slot) => cluster.seats.addressOf(slot));
    const { code, stderr }: Ended = await runQuorate(
      [...words, '--endpoints', endpoints.join(','), '--timeout', '5s'],
      { timeoutMs: tryMs, signal, charge: (pid) => cluster.charge(pid) },
    );
    if (code === 0) return undefined;
    if (code === 1 || code === 2 || /\n\s+at .*:\d+:\d+\)?$/m.test(stderr)) {
      this.#parts.onFound('program-failed', `${words.join(' ')}, exit code ${code}: ${stderr}`);
    }
    return `exit code ${code}: ${stderr.trim().split('\n').slice(-2).join(' ')}`;
  }

  async #call({ call }: Step, signal: AbortSignal): Promise<string | undefined> {
    try {
      await call(this.#parts.client, { signal, timeoutMs: tryMs });
      return undefined;
    } catch (error) {
      return signal.aborted ? 'It is over.' : `${(error as KvError).code}: ${String(error)}`;
    }
  }

  /** The one is a voter, and the other one is out, as whoever leads sees it. */
  async #areMembers(
    { name, without }: { readonly name: string; readonly without: string },
    { halt }: Signals,
  ): Promise<boolean> {
    const { cluster, onFound } = this.#parts;
    const until = performance.now() + calmMs;
    let seen = '';
    while (!halt.aborted && performance.now() < until) {
      const { leader } = cluster;
      const members =
        (leader === undefined ? undefined : cluster.seats.at(leader).status)?.members ?? [];
      const role = members.find(({ id }) => id === name)?.role;
      if (role === 'voter' && !members.some(({ id }) => id === without)) return true;
      seen = members.map((one) => `${one.id} (${one.role})`).join(', ');
      await pause(pauseMs, halt);
    }
    if (!halt.aborted) {
      onFound('change-failed', `${name} should be a voter and ${without} out; there are ${seen}.`);
    }
    return false;
  }
}
