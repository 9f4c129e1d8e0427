import type {
  Committed,
  DurableStateMachine,
  LibraryRecord,
  StateMachine,
} from '../../contract/state-machine.ts';
import type { SnapshotMeta } from '../../core/types.ts';
import type { PowerCut } from './power-cut.ts';

/** Remembers the commands in the order in which it was given them. */
export class CommandList implements StateMachine<string, number> {
  readonly commands: string[] = [];

  apply(batch: readonly Committed<string>[]): number[] {
    return batch.map(({ command }) => this.commands.push(command));
  }

  async snapshot(): Promise<Uint8Array[]> {
    return piecesOf(this.commands);
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const commands = await commandsIn(chunks);
    this.commands.splice(0, this.commands.length, ...commands);
  }
}

interface Kept {
  readonly commands: readonly string[];
  readonly records: ReadonlyMap<string, Uint8Array>;
}

/**
 * The same with a disk of its own. What was not flushed may be lost in a crash, but state and
 * records are always of one moment.
 */
export class DurableCommandList implements DurableStateMachine<string, number> {
  /** Set while the power can be cut. */
  cut: PowerCut | undefined = undefined;
  #kept: Kept = { commands: [], records: new Map() };
  #flushed: Kept = this.#kept;

  get commands(): readonly string[] {
    return this.#kept.commands;
  }

  apply(
    batch: readonly Committed<string>[],
    seal: (responses: readonly number[]) => readonly LibraryRecord[],
  ): number[] {
    this.cut?.pass();
    const before = this.#kept.commands.length;
    const responses = batch.map((_, at) => before + at + 1);
    const commands = [...this.#kept.commands, ...batch.map(({ command }) => command)];
    this.#kept = { commands, records: changed(this.#kept.records, seal(responses)) };
    return responses;
  }

  async snapshot(): Promise<Uint8Array[]> {
    return piecesOf(this.#kept.commands);
  }

  async restore(
    chunks: AsyncIterable<Uint8Array>,
    _meta: SnapshotMeta,
    records: readonly LibraryRecord[],
  ): Promise<void> {
    const commands = await commandsIn(chunks);
    this.cut?.pass();
    this.#kept = { commands, records: changed(new Map(), records) };
    this.cut?.pass();
  }

  async *libraryRecords(): AsyncGenerator<LibraryRecord, void, undefined> {
    for (const [key, value] of this.#kept.records) yield { key, value };
  }

  async flush(): Promise<void> {
    this.cut?.pass();
    this.#flushed = this.#kept;
    this.cut?.pass();
  }

  /** What a loss of power may leave: everything, or what was flushed. */
  crash({ losesUnflushed }: { losesUnflushed: boolean }): void {
    this.cut = undefined;
    if (losesUnflushed) this.#kept = this.#flushed;
  }
}

function changed(
  before: ReadonlyMap<string, Uint8Array>,
  records: readonly LibraryRecord[],
): ReadonlyMap<string, Uint8Array> {
  const after = new Map(before);
  for (const { key, value } of records) {
    if (value === undefined) after.delete(key);
    else after.set(key, value);
  }
  return after;
}

/** The commands as a snapshot has them, in a few chunks. */
export function piecesOf(commands: readonly string[]): Uint8Array[] {
  const bytes = new TextEncoder().encode(JSON.stringify(commands));
  const size = Math.max(1, Math.ceil(bytes.length / 3));
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}

async function commandsIn(chunks: AsyncIterable<Uint8Array>): Promise<string[]> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of chunks) text += decoder.decode(chunk, { stream: true });
  return JSON.parse(text + decoder.decode()) as string[];
}
