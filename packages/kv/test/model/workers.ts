import type { HistoryRecorder, KeyValueInput, KeyValueOutput } from 'quorate/testing';
import { compare, type KvClient, KvError, op } from '../../src/client.ts';
import type { Append, Outcome } from '../checks/exactly-once.ts';
import type { ListOperation, ListTransaction } from '../checks/list-append/history.ts';
import type { Acknowledged } from '../checks/watches.ts';
import type { Draws } from './draws.ts';
import { pairOf, readList, transact } from './list-client.ts';

/** Counts calls and returns; all clients share it. */
export interface Clock {
  now: number;
}

interface Working {
  readonly client: KvClient;
  readonly name: number;
  readonly draws: Draws;
}

let lastElement = 0;

/** Appends to lists and reads them, in transactions over several of them. */
export class ListWorker {
  static readonly keys: readonly string[] = ['list-1', 'list-2', 'list-3'];
  readonly history: ListTransaction[] = [];
  /** The appends that were answered, as puts. */
  readonly acknowledged: Acknowledged[] = [];
  readonly #working: Working & { readonly clock: Clock };

  constructor(working: Working & { readonly clock: Clock }) {
    this.#working = working;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#transact();
      // Transactions read whole lists: the longer these are, the more all of it costs everybody,
      // members that start again and apply them once more above all.
      await pause(shortestPauseMs + this.history.length / 10);
    }
  }

  appendsTo(key: string): readonly Append[] {
    return this.history.flatMap(({ client, operations, returnedAt, failed }) => {
      const outcome: Outcome =
        failed === true ? 'refused' : returnedAt === undefined ? 'unknown' : 'done';
      return operations.flatMap((operation) =>
        operation.type === 'append' && operation.key === key
          ? [{ client, element: operation.element, outcome }]
          : [],
      );
    });
  }

  async #transact(): Promise<void> {
    const { client, draws, clock } = this.#working;
    const operations = this.#operations();
    const [one] = operations;
    const isPlainRead = operations.length === 1 && one?.type === 'read' && draws.below(2) === 0;
    clock.now += 1;
    const call = { client: this.#working.name, operations, calledAt: clock.now };
    try {
      const done = isPlainRead
        ? { operations: [await readList(client, one.key)], revision: 0 }
        : await transact(client, operations);
      clock.now += 1;
      this.history.push({ ...call, operations: done.operations, returnedAt: clock.now });
      for (const operation of operations) {
        if (operation.type === 'read') continue;
        const { revision } = done;
        this.acknowledged.push({ type: 'put', ...pairOf(operation), revision });
      }
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      clock.now += 1;
      if (error.maybeApplied) this.history.push(call);
      else this.history.push({ ...call, returnedAt: clock.now, failed: true });
    }
  }

  #operations(): ListOperation[] {
    const { draws } = this.#working;
    return Array.from({ length: 1 + draws.below(3) }, (): ListOperation => {
      const key = ListWorker.keys[draws.below(ListWorker.keys.length)] as string;
      if (draws.below(2) === 0) return { type: 'read', key };
      lastElement += 1;
      return { type: 'append', key, element: lastElement };
    });
  }
}

const registers = ['register-1', 'register-2'];

/** Gets, puts and compares and sets single keys. */
export class RegisterWorker {
  readonly #working: Working & {
    readonly recorder: HistoryRecorder<KeyValueInput, KeyValueOutput>;
  };
  #count = 0;
  #seen = '';

  constructor(
    working: Working & { readonly recorder: HistoryRecorder<KeyValueInput, KeyValueOutput> },
  ) {
    this.#working = working;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#call();
      await pause(shortestPauseMs);
    }
  }

  async #call(): Promise<void> {
    const { name, recorder } = this.#working;
    const input = this.#draw();
    const call = recorder.call(`register client ${name}`, input);
    try {
      call.returned(await this.#ask(input));
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      // Of a read nothing can come any more, and of a write that was refused neither.
      if (input.type === 'get' || !error.maybeApplied) call.failed();
    }
  }

  #draw(): KeyValueInput {
    const { draws, name } = this.#working;
    const key = registers[draws.below(registers.length)] as string;
    const chance = draws.below(4);
    if (chance < 2) return { type: 'get', key };
    this.#count += 1;
    const value = `${name}.${this.#count}`;
    if (chance === 2) return { type: 'put', key, value };
    return { type: 'compareAndSet', key, expected: this.#seen, value };
  }

  async #ask(input: KeyValueInput): Promise<KeyValueOutput> {
    const { client } = this.#working;
    const { key, type } = input;
    switch (type) {
      case 'get':
        this.#seen = (await client.get(key))?.text() ?? '';
        return this.#seen;
      case 'put':
        await client.put(key, input.value);
        return undefined;
      case 'compareAndSet': {
        // A key that nobody has put yet is the empty text.
        const { expected, value } = input;
        const holds =
          expected === '' ? compare.version(key, '=', 0) : compare.value(key, '=', expected);
        return (await client.txn().if(holds).then(op.put(key, value)).commit()).succeeded;
      }
      case 'append':
        throw new Error('Nobody appends here.');
    }
  }
}

/** The programs under test and the clients share two cores; nobody gains by less than this. */
const shortestPauseMs = 5;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
