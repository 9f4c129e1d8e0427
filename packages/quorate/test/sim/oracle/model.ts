import { addText, toHex } from '../hash.ts';
import type { Command, Response, Value } from '../machine.ts';

/** What one command did, as the first node said that got there. */
export interface Effect {
  readonly index: number;
  /** The command before it that reached the state machine, 0 if it is the first. */
  readonly before: number;
  readonly command: Command;
  readonly response: Response;
  /** The digest of a state machine that took everything up to it. */
  readonly digest: string;
}

/**
 * The state machine once more, by itself: it takes each command that took effect once, in the order
 * of the log, and says what every node must have answered.
 */
export class Model {
  readonly values = new Map<string, Value>();
  readonly #effects = new Map<number, Effect>();
  /** By command: the indexes at which it took effect. */
  readonly #byCommand = new Map<string, number[]>();
  #history = 0x811c_9dc5;
  #last = 0;

  /** The last command that took effect. */
  get last(): number {
    return this.#last;
  }

  get count(): number {
    return this.#effects.size;
  }

  effectAt(index: number): Effect | undefined {
    return this.#effects.get(index);
  }

  /** Where a command took effect, once for each time. */
  indexesOf(command: string): readonly number[] {
    return this.#byCommand.get(command) ?? [];
  }

  /** The last command up to `index` that took effect, 0 if none. */
  lastUpTo(index: number): number {
    let at = this.#last;
    while (at > index) at = this.#effects.get(at)?.before ?? 0;
    return at;
  }

  digestAt(index: number): string {
    return this.#effects.get(this.lastUpTo(index))?.digest ?? `0-${toHex(0x811c_9dc5)}`;
  }

  take(index: number, term: number, command: Command): Effect {
    const text = JSON.stringify(command);
    this.#history = addText(this.#history, `${index}/${term}/${text}`);
    const effect = {
      index,
      before: this.#last,
      command,
      response: this.#respond(command),
      digest: `${this.count + 1}-${toHex(this.#history)}`,
    };
    this.#effects.set(index, effect);
    this.#last = index;
    const indexes = this.#byCommand.get(text);
    if (indexes === undefined) this.#byCommand.set(text, [index]);
    else indexes.push(index);
    return effect;
  }

  #respond(command: Command): Response {
    const before = this.values.get(command.key) ?? null;
    const after = outcomeOf(before, command);
    if (after.ok && after.value !== null && command.op !== 'get') {
      this.values.set(command.key, after.value);
    }
    return after;
  }
}

/** What a command answers where the key has `before`; if `ok`, the key has `value` after it. */
export function outcomeOf(before: Value | null, command: Command): Response {
  if (command.op === 'get') return { ok: true, value: before };
  if (command.op === 'put') return { ok: true, value: command.value };
  if (command.op === 'add') {
    return { ok: true, value: command.amount + (typeof before === 'number' ? before : 0) };
  }
  if (command.op === 'append') {
    const list = Array.isArray(before) ? (before as readonly string[]) : [];
    return { ok: true, value: list.concat(command.value) };
  }
  const isExpected = before === command.from;
  return { ok: isExpected, value: isExpected ? command.to : before };
}
