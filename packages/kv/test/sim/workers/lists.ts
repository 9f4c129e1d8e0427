import type { ListOperation, ListTransaction } from '../../checks/list-append/history.ts';
import { pairOf, readList, transact } from '../../model/list-client.ts';
import { outcomeOf } from '../outcomes.ts';
import type { Open } from '../records.ts';
import { type Desk, demandAllowed, draw, drawBelow } from './desk.ts';

export const listNames: readonly string[] = ['list-1', 'list-2', 'list-3'];

/** Appends to lists and reads them, in transactions over several of them. */
export async function workOnLists(desk: Desk): Promise<void> {
  const { world } = desk;
  while (!world.isCalm) {
    // Calls of one turn travel together, and each is a transaction of its own.
    const together = drawBelow(desk, 8) === 7 ? 3 : 1;
    const calls = Array.from({ length: together }, (_, at) => {
      const who = together === 1 ? desk.name : `${desk.name}.${desk.records.tick()}.${at}`;
      return transactOnce(desk, who);
    });
    await Promise.all(calls);
    await desk.rest();
  }
}

async function transactOnce(desk: Desk, who: string): Promise<void> {
  const { client, records, world, name } = desk;
  const operations = drawOperations(desk);
  const [one] = operations;
  const isPlainRead = operations.length === 1 && one?.type === 'read' && drawBelow(desk, 2) === 0;
  const record: Open<ListTransaction> = { client: who, operations, calledAt: records.tick() };
  // Nobody may be left to say what became of it.
  records.transactions.push(record);
  const heard = records.heard;
  try {
    if (isPlainRead) {
      record.operations = [await readList(client, one.key)];
      record.returnedAt = records.tick();
      return;
    }
    const { operations: done, revision } = await transact(client, operations);
    world.tell(`${name} txn ${revision}`);
    record.operations = done;
    record.returnedAt = records.tick();
    records.hear(`${name} (a transaction)`, revision, { atLeast: heard });
    for (const operation of operations) {
      if (operation.type === 'read') continue;
      records.acknowledged.push({ type: 'put', ...pairOf(operation), revision });
    }
  } catch (error) {
    demandAllowed(desk, error);
    const isRead = operations.every(({ type }) => type === 'read');
    if (!isRead && outcomeOf(error) === 'unknown') return;
    record.failed = true;
    record.returnedAt = records.tick();
  }
}

function drawOperations(desk: Desk): ListOperation[] {
  return Array.from({ length: 1 + drawBelow(desk, 3) }, (): ListOperation => {
    const key = draw(desk, listNames);
    if (drawBelow(desk, 2) === 0) return { type: 'read', key };
    return { type: 'append', key, element: desk.records.nextElement() };
  });
}
