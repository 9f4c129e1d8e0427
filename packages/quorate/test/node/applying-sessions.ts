import type {
  Committed,
  DurableStateMachine,
  LibraryRecord,
} from '../../src/contract/state-machine.ts';
import { noLogId } from '../../src/core/log-shape.ts';
import { noMembership } from '../../src/core/membership.ts';
import type { Entry, LogId, LogIndex, Payload } from '../../src/core/types.ts';
import { Applier } from '../../src/node/applier.ts';
import { jsonCodec } from '../../src/node/codec.ts';
import { LogTail } from '../../src/node/log-tail.ts';
import { Machine } from '../../src/node/machine.ts';
import { SessionAnswer } from '../../src/node/session-batch.ts';
import { encodeSessionEntry } from '../../src/node/session-entries.ts';
import type { SessionBounds } from '../../src/node/session-table.ts';
import { collect } from './snapshots.ts';

export const bounds: SessionBounds = { maxSessions: 3, maxSessionBytes: 1500, window: 4 };

export function at(index: LogIndex, payload: Payload): Entry {
  return { logId: { term: 1, index }, payload };
}

export function open(index: LogIndex, of: SessionBounds = bounds): Entry {
  return at(index, { type: 'session', data: encodeSessionEntry({ type: 'open', bounds: of }) });
}

export function close(index: LogIndex, id: LogIndex): Entry {
  return at(index, { type: 'session', data: encodeSessionEntry({ type: 'close', id }) });
}

export function command(
  index: LogIndex,
  value: unknown,
  session?: [id: number, sequence: number],
): Entry {
  const data = { bytes: jsonCodec.encode(value), value: undefined };
  if (session === undefined) return at(index, { type: 'command', data });
  const [id, sequence] = session;
  return at(index, { type: 'command', data: { ...data, session: { id, sequence } } });
}

/** Adds numbers, and answers with the sum; a string is answered by itself, however long. */
export class Sum {
  sum = 0;
  readonly batches: LogIndex[][] = [];

  apply(batch: readonly Committed<unknown>[]): unknown[] {
    this.batches.push(batch.map(({ logId }) => logId.index));
    return batch.map(({ command: given }) => {
      if (typeof given !== 'number') return given === 'nothing' ? undefined : given;
      this.sum += given;
      return this.sum;
    });
  }

  async snapshot(): Promise<Uint8Array[]> {
    return [Buffer.from(`${this.sum}`)];
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.sum = Number(Buffer.from(await collect(chunks)).toString());
  }
}

/** The same, with records that it keeps beside its sum. */
export class DurableSum extends Sum implements DurableStateMachine<unknown, unknown> {
  records = new Map<string, Uint8Array>();
  /** How often it was given records. */
  seals = 0;

  override apply(
    batch: readonly Committed<unknown>[],
    seal: (responses: readonly unknown[]) => readonly LibraryRecord[] = () => [],
  ): unknown[] {
    const responses = super.apply(batch);
    this.#keep(seal(responses));
    return responses;
  }

  override async restore(
    chunks: AsyncIterable<Uint8Array>,
    _meta?: unknown,
    records: readonly LibraryRecord[] = [],
  ): Promise<void> {
    await super.restore(chunks);
    this.records.clear();
    this.#keep(records);
  }

  async *libraryRecords(): AsyncGenerator<LibraryRecord, void, undefined> {
    for (const [key, value] of this.records) yield { key, value };
  }

  #keep(records: readonly LibraryRecord[]): void {
    this.seals += 1;
    for (const { key, value } of records) {
      if (value === undefined) this.records.delete(key);
      else this.records.set(key, value);
    }
  }
}

export class Applying {
  readonly applier: Applier;
  readonly machine: Machine;
  readonly failures: unknown[] = [];
  /** What each writer was told, by the index of the entry. */
  readonly answers = new Map<LogIndex, unknown>();

  constructor(
    state: Sum,
    entries: readonly Entry[],
    options: { applied?: LogId; maxBatchBytes?: number; machine?: Machine } = {},
  ) {
    const tail = new LogTail(1);
    tail.append(entries);
    this.machine = options.machine ?? new Machine(state);
    this.applier = new Applier({
      machine: this.machine,
      codec: jsonCodec,
      responseCodec: jsonCodec,
      log: { read: (from, to, maxBytes) => [...tail.read(from, to, maxBytes)] },
      applied: options.applied ?? noLogId,
      membership: noMembership,
      maxBatchBytes: options.maxBatchBytes ?? 1024 * 1024,
      onApplied: ({ commands, responses }) => {
        for (const [place, { logId }] of commands.entries()) {
          this.#answer(logId.index, responses[place]);
        }
      },
      onFailure: (cause) => this.failures.push(cause),
    });
  }

  #answer(index: LogIndex, response: unknown): void {
    const tell = (told: unknown): void => void this.answers.set(index, told);
    if (response instanceof SessionAnswer) response.settle(tell, tell);
    else tell(response);
  }
}
