import { createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { HistoryRecorder, type KeyValueInput, type KeyValueOutput } from 'quorate/testing';
import type { Findings } from '../../../quorate/test/chaos/findings.ts';
import { KvError, type KvErrorCode, RecipeError } from '../../src/client.ts';
import type { LeaseId, Revision } from '../../src/types.ts';
import type { Append, Increment, Outcome } from '../checks/exactly-once.ts';
import type { ListTransaction } from '../checks/list-append/history.ts';
import type { Acknowledged, WatchRecord } from '../checks/watches.ts';

/** A key that is there as long as its lease. */
export interface HeldLease {
  readonly id: LeaseId;
  /** How long its client may count on it yet, in milliseconds. */
  readonly sureMs: () => number;
  isRevoked: boolean;
}

/** Keys are used for a while; what is done with those of a generation is judged by itself. */
export interface Generation {
  readonly registers: HistoryRecorder<KeyValueInput, KeyValueOutput>;
  readonly transactions: ListTransaction[];
}

export type Attempt<Value> =
  | { readonly outcome: 'done'; readonly value: Value }
  | { readonly outcome: 'refused' | 'unknown' };

/** What may become of any call while members come and go. */
const usual: ReadonlySet<KvErrorCode> = new Set([
  'KV_NO_LEADER',
  'KV_MAYBE',
  'KV_TIMEOUT',
  'KV_OVERLOADED',
  'KV_STOPPING',
]);

const generationMs = 2000;
/** Calls that write nothing. */
const reads: ReadonlySet<string> = new Set(['get', 'read', 'watch']);

/** Members hear of each other once a second, and later if they are cut off. */
const tightAfterMs = 10_000;

/** When disks are short of room, so that writes may be refused. */
export class Tightness {
  #count = 0;
  #until = -Infinity;

  begin(): void {
    this.#count += 1;
  }

  end(): void {
    this.#count -= 1;
    this.#until = performance.now() + tightAfterMs;
  }

  /** Whether it was so at any time since then. */
  isSince(at: number): boolean {
    return this.#count > 0 || this.#until >= at;
  }
}

/** All that the clients did and saw, in memory, and one line for each call in a file. */
export class Journal {
  readonly generations: Generation[] = [];
  readonly acknowledged: Acknowledged[] = [];
  readonly watches: WatchRecord[] = [];
  /** By name of the counter. */
  readonly increments = new Map<string, Increment[]>();
  /** By the key that each lease has. */
  readonly leases = new Map<string, HeldLease>();
  readonly counts = { done: 0, refused: 0, unknown: 0 };
  readonly marks = new Map<string, number>();
  longestPauseMs = 0;
  /** When there may be too little room on disks for what a write adds. */
  readonly tightness = new Tightness();
  readonly #findings: Findings;
  readonly #file: WriteStream;
  readonly #startedAt = performance.now();
  #heard: Revision = 1;
  #clock = 0;
  #element = 0;
  #acknowledgedAt: number | undefined;
  #hasPauses = true;

  constructor(file: string, findings: Findings) {
    this.#findings = findings;
    this.#file = createWriteStream(file);
    // A full disk shows when it is closed; until then the rest of the run is worth having.
    this.#file.on('error', () => undefined);
  }

  /** The newest revision that any client was told. */
  get heard(): Revision {
    return this.#heard;
  }

  /** Number of the generation whose keys are used now. */
  get generation(): number {
    return Math.floor((performance.now() - this.#startedAt) / generationMs);
  }

  of(generation: number): Generation {
    while (this.generations.length <= generation) {
      this.generations.push({ registers: new HistoryRecorder(), transactions: [] });
    }
    return this.generations[generation] as Generation;
  }

  /** The next moment of a clock that all clients share. */
  tick(): number {
    this.#clock += 1;
    return this.#clock;
  }

  nextElement(): number {
    this.#element += 1;
    return this.#element;
  }

  mark(name: string): void {
    this.marks.set(name, (this.marks.get(name) ?? 0) + 1);
  }

  /** Makes a call, and says what became of it. What must not become of a call is a finding. */
  async attempt<Value>(
    who: string,
    { type, key }: { readonly type: string; readonly key: string },
    call: () => Promise<Value>,
  ): Promise<Attempt<Value>> {
    const calledAt = this.#now();
    const startedAt = performance.now();
    try {
      const value = await call();
      this.counts.done += 1;
      this.#write({ calledAt, who, type, key, outcome: 'done', value });
      if (!reads.has(type)) this.#acknowledge();
      return { outcome: 'done', value };
    } catch (error) {
      const outcome = error instanceof KvError && error.maybeApplied ? 'unknown' : 'refused';
      this.counts[outcome] += 1;
      this.#write({ calledAt, who, type, key, outcome, error: String(error) });
      const isForRoom = error instanceof KvError && error.code === 'KV_LOW_SPACE';
      if (isForRoom) this.mark('refused for lack of room');
      if (!isUsual(error) && !(isForRoom && this.tightness.isSince(startedAt))) {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#findings.add('unexpected-error', `${type} of ${key} by ${who}: ${text}`);
      }
      return { outcome };
    }
  }

  /** A client was told this revision by a call that it made when `atLeast` was known. */
  hear(who: string, revision: Revision, { atLeast }: { readonly atLeast: Revision }): void {
    this.#heard = Math.max(this.#heard, revision);
    if (revision >= atLeast) return;
    const text = `${who} was told revision ${revision}; one of ${atLeast} was known before.`;
    this.#findings.add('stale', text);
  }

  appendsTo(generation: number, list: string): readonly Append[] {
    const { transactions } = this.of(generation);
    return transactions.flatMap(({ client, operations, returnedAt, failed }) => {
      const outcome: Outcome =
        failed === true ? 'refused' : returnedAt === undefined ? 'unknown' : 'done';
      return operations.flatMap((operation) =>
        operation.type === 'append' && operation.key === list
          ? [{ client, element: operation.element, outcome }]
          : [],
      );
    });
  }

  /** The chaos is over: what comes from now on does not count for `longestPauseMs`. */
  endPauses(): void {
    this.#acknowledge();
    this.#hasPauses = false;
  }

  /** @throws if the file could not be written. */
  async close(): Promise<void> {
    this.#file.end();
    await finished(this.#file);
  }

  #acknowledge(): void {
    if (!this.#hasPauses) return;
    const now = performance.now();
    const pauseMs = now - (this.#acknowledgedAt ?? now);
    this.longestPauseMs = Math.max(this.longestPauseMs, pauseMs);
    this.#acknowledgedAt = now;
  }

  #now(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  #write(line: object): void {
    this.#file.write(`${JSON.stringify({ ms: this.#now(), ...line })}\n`);
  }
}

function isUsual(error: unknown): boolean {
  if (error instanceof RecipeError) return error.code === 'KV_CONFLICT';
  return error instanceof KvError && usual.has(error.code);
}
