import { setTimeout as sleep } from 'node:timers/promises';
import type { KeyValueInput, KeyValueOutput } from 'quorate/testing';
import type { Random } from '../../../quorate/test/walker/random.ts';
import { Counter, compare, type KvClient, op } from '../../src/client.ts';
import type { Revision } from '../../src/types.ts';
import type { ListOperation, ListTransaction } from '../checks/list-append/history.ts';
import { pairOf, readList, transact } from '../model/list-client.ts';
import type { Journal } from './journal.ts';

/** Who works with a client, and until when. */
export interface Worker {
  readonly name: string;
  readonly client: KvClient;
  /** Where all members are. */
  readonly servers: readonly string[];
  readonly random: Random;
  readonly journal: Journal;
  /** Aborts when nothing new is to be taken up. */
  readonly over: AbortSignal;
}

/** The members and all clients share this machine; nobody gains by more calls than this. */
const restMs = { from: 5, to: 35 };
const registersOfAGeneration = 2;
const listsOfAGeneration = 3;
const counterNames: readonly string[] = ['one', 'two'];

export function rest({ random, over }: Worker): Promise<void> {
  return pause(restMs.from + random.below(restMs.to - restMs.from), over);
}

/** Ends early when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
}

/** Gets, puts and compares and sets single keys; the empty text stands for none. */
export async function workOnRegisters(worker: Worker): Promise<void> {
  const { name, random, journal, over } = worker;
  const seen = new Map<string, string>();
  for (let count = 1; !over.aborted; count += 1) {
    const { generation } = journal;
    const key = `register-${generation}-${random.below(registersOfAGeneration)}`;
    const value = `${name}:${count}`;
    const chance = random.below(4);
    const input: KeyValueInput =
      chance < 2
        ? { type: 'get', key }
        : chance === 2
          ? { type: 'put', key, value }
          : { type: 'compareAndSet', key, expected: seen.get(key) ?? '', value };
    const call = journal.of(generation).registers.call(name, input);
    const atLeast = journal.heard;
    const ended = await journal.attempt(name, input, () => askRegister(worker, input));
    if (ended.outcome === 'done') {
      const { output, revision } = ended.value;
      call.returned(output);
      journal.hear(`${name} (${input.type} of ${key})`, revision, { atLeast });
      if (input.type === 'get') seen.set(key, String(output));
      // Of a read nothing can come any more, and of a write that was refused neither.
    } else if (ended.outcome === 'refused' || input.type === 'get') call.failed();
    await rest(worker);
  }
}

async function askRegister(
  { client, journal }: Worker,
  input: KeyValueInput,
): Promise<{ readonly output: KeyValueOutput; readonly revision: Revision }> {
  const { key, type } = input;
  switch (type) {
    case 'get': {
      const { kvs, revision } = await client.read({ key: Buffer.from(key) });
      const [pair] = kvs;
      return { output: pair === undefined ? '' : Buffer.from(pair.value).toString(), revision };
    }
    case 'put': {
      const { revision } = await client.put(key, input.value);
      const pair = { key: Buffer.from(key), value: Buffer.from(input.value) };
      journal.acknowledged.push({ type: 'put', ...pair, revision });
      return { output: undefined, revision };
    }
    case 'compareAndSet': {
      const { expected, value } = input;
      const holds =
        expected === '' ? compare.version(key, '=', 0) : compare.value(key, '=', expected);
      const put = op.put(key, value);
      const { succeeded, revision } = await client.txn().if(holds).then(put).commit();
      return { output: succeeded, revision };
    }
    case 'append':
      throw new Error('Nobody appends here.');
  }
}

export function listsOf(generation: number): readonly string[] {
  return Array.from({ length: listsOfAGeneration }, (_, at) => `list-${generation}-${at}`);
}

/** Appends to lists and reads them, in transactions over several of them. */
export async function workOnLists(worker: Worker): Promise<void> {
  const { client, name, random, journal, over } = worker;
  while (!over.aborted) {
    const { generation } = journal;
    const operations = drawListOperations(worker, generation);
    const [one] = operations;
    const isReading = operations.every(({ type }) => type === 'read');
    const isPlainRead = isReading && operations.length === 1 && random.chance(0.5);
    const record = { client: name, operations, calledAt: journal.tick() };
    const atLeast = journal.heard;
    const what = { type: isReading ? 'read' : 'txn', key: operations.map(nameOf).join() };
    const ended = await journal.attempt(name, what, async () =>
      isPlainRead && one !== undefined
        ? { operations: [await readList(client, one.key)], revision: undefined }
        : transact(client, operations),
    );
    const { transactions } = journal.of(generation);
    const returnedAt = journal.tick();
    if (ended.outcome === 'done') {
      const { operations: done, revision } = ended.value;
      transactions.push({ ...record, operations: done, returnedAt });
      if (revision !== undefined) acknowledge(worker, operations, { revision, atLeast });
    } else if (ended.outcome === 'refused' || isReading) {
      transactions.push({ ...record, returnedAt, failed: true } satisfies ListTransaction);
    } else transactions.push(record);
    await rest(worker);
  }
}

function acknowledge(
  { name, journal }: Worker,
  operations: readonly ListOperation[],
  { revision, atLeast }: { readonly revision: Revision; readonly atLeast: Revision },
): void {
  journal.hear(`${name} (a transaction)`, revision, { atLeast });
  for (const operation of operations) {
    if (operation.type === 'read') continue;
    journal.acknowledged.push({ type: 'put', ...pairOf(operation), revision });
  }
}

function drawListOperations({ random, journal }: Worker, generation: number): ListOperation[] {
  const lists = listsOf(generation);
  return Array.from({ length: 1 + random.below(3) }, (): ListOperation => {
    const key = random.pick(lists);
    if (random.chance(0.5)) return { type: 'read', key };
    return { type: 'append', key, element: journal.nextElement() };
  });
}

function nameOf(operation: ListOperation): string {
  return operation.type === 'read' ? operation.key : `${operation.key}+${operation.element}`;
}

/** Adds to counters that all clients share, by comparing and setting. */
export async function workOnCounters(worker: Worker): Promise<void> {
  const { client, name, random, journal, over } = worker;
  const counters = new Map(counterNames.map((one) => [one, new Counter(client, one)] as const));
  while (!over.aborted) {
    const key = random.pick(counterNames);
    const amount = 1 + random.below(5);
    const counter = counters.get(key) as Counter;
    const { outcome } = await journal.attempt(name, { type: 'add', key }, () =>
      counter.add(amount),
    );
    const all = journal.increments.get(key) ?? [];
    all.push({ amount, outcome });
    journal.increments.set(key, all);
    await rest(worker);
  }
}
