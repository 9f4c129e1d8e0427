import { KvError } from '../../errors.ts';
import type { KeyValue, Revision } from '../../types.ts';
import { RecipeError } from './errors.ts';
import { changedAt, placeOf, textOf, utf8, when } from './keys.ts';
import type { CallOptions, RecipeKv } from './kv.ts';
import { SharedCall, type Waiter } from './shared-call.ts';

/** Additions of one client that wait at a time. */
const maxWaiting = 65_536;
/** With so many others in between, each of which has made progress, somebody has to slow down. */
const maxTries = 1000;

interface Total {
  readonly value: number;
  /** The last change of the key; 0 if there is none. */
  readonly revision: Revision;
}

/**
 * A whole number that many add to. What one client adds while an addition is on its way goes as one
 * with the next, so it may add as often as it likes.
 */
export class Counter {
  readonly key: string;
  readonly #kv: RecipeKv;
  readonly #keyBytes: Uint8Array;
  /** Goes as soon as the one before is answered. */
  #next = new SharedCall<number>();
  #isRunning = false;
  /** As it was seen last. A guess, and where the next try begins. */
  #seen: Total | undefined;

  constructor(kv: RecipeKv, name: string) {
    this.#kv = kv;
    this.key = placeOf('counter', name);
    this.#keyBytes = utf8(this.key);
  }

  /** The total: linearizable. A counter that nobody has added to is at 0. */
  async get(options: CallOptions = {}): Promise<number> {
    return (await this.#read(options)).value;
  }

  /**
   * Adds a whole number, negative ones too, and resolves to the total right after. It takes effect
   * once, also if it has to be sent often. If it rejects with `maybeApplied`, or is aborted, its
   * fate is open.
   *
   * @throws {RangeError} if the number, or the total, is not a safe integer; nothing was added.
   * @throws {RecipeError} `KV_FOREIGN_VALUE` if something else is in the key, and `KV_CONFLICT`.
   */
  add(number = 1, { signal }: CallOptions = {}): Promise<number> {
    return new Promise((resolve, reject) => {
      if (!Number.isSafeInteger(number)) {
        throw new RangeError(`A counter adds safe integers; got ${number}.`);
      }
      signal?.throwIfAborted();
      if (this.#next.waiters.size >= maxWaiting) {
        const message = `${maxWaiting} additions to "${this.key}" wait already. Await some first.`;
        throw new KvError('KV_OVERLOADED', message, { details: { limit: maxWaiting } });
      }
      if (this.#next.signal.aborted) this.#next = new SharedCall();
      this.#next.add({ value: number, resolve, reject, signal });
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Never rejects: whoever waits is told. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    // What else is added in this turn goes along.
    await Promise.resolve();
    while (this.#next.waiters.size > 0) {
      const call = this.#next;
      this.#next = new SharedCall();
      try {
        await this.#addAll(call);
      } catch (error) {
        call.reject(error);
      }
    }
    this.#isRunning = false;
  }

  async #addAll(call: SharedCall<number>): Promise<void> {
    const options = { signal: call.signal };
    for (let tries = 0; tries < maxTries; tries += 1) {
      this.#seen ??= await this.#read(options);
      // What was aborted by now was not sent, or certainly had no effect.
      const totals = runningTotals(this.#seen.value, call);
      const last = [...totals.values()].at(-1);
      if (last === undefined) return;
      const { seen, succeeded } = await this.#replace(this.#seen, last, options);
      this.#seen = seen;
      if (!succeeded) continue;
      for (const [waiter, total] of totals) call.resolve(waiter, total);
      return;
    }
    const message = `"${this.key}" was changed by others before each of ${maxTries} tries to add.`;
    throw new RecipeError('KV_CONFLICT', message, { key: this.key });
  }

  async #replace(
    before: Total,
    value: number,
    options: CallOptions,
  ): Promise<{ readonly seen: Total; readonly succeeded: boolean }> {
    const key = this.#keyBytes;
    const put = { type: 'put', key, value: utf8(`${value}`) } as const;
    const request = when([changedAt(key, before.revision)], [put], [{ type: 'range', key }]);
    const { succeeded, revision, results } = await this.#kv.commit(request, options);
    if (succeeded) return { seen: { value, revision }, succeeded };
    const [read] = results;
    if (read?.type !== 'range') throw new TypeError(`Wanted a range; got ${read?.type}.`);
    return { seen: this.#totalOf(read.kvs[0]), succeeded };
  }

  async #read(options: CallOptions): Promise<Total> {
    return this.#totalOf((await this.#kv.read({ key: this.#keyBytes }, options)).kvs[0]);
  }

  #totalOf(pair: KeyValue | undefined): Total {
    if (pair === undefined) return { value: 0, revision: 0 };
    const text = textOf(pair.value);
    const value = Number(text);
    if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value)) {
      const found = JSON.stringify(text.slice(0, 40));
      const message = `"${this.key}" must hold a whole number, and holds ${found}. Mend or delete it.`;
      throw new RecipeError('KV_FOREIGN_VALUE', message, { key: this.key });
    }
    return { value, revision: pair.modRevision };
  }
}

/** What each comes to, one after the other. One that would leave the safe integers is told so. */
function runningTotals(from: number, call: SharedCall<number>): Map<Waiter<number>, number> {
  const totals = new Map<Waiter<number>, number>();
  let total = from;
  for (const waiter of call.waiters) {
    const next = total + waiter.value;
    if (!Number.isSafeInteger(next)) {
      const message = `${total} and ${waiter.value} are more than a safe integer holds.`;
      call.rejectOne(waiter, new RangeError(message));
      continue;
    }
    total = next;
    totals.set(waiter, total);
  }
  return totals;
}
