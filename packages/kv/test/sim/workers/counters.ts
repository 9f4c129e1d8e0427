import { Counter } from '../../../src/client.ts';
import type { Increment } from '../../checks/exactly-once.ts';
import { outcomeOf } from '../outcomes.ts';
import type { Open } from '../records.ts';
import { type Desk, demandAllowed, draw, drawBelow } from './desk.ts';

export const counterNames: readonly string[] = ['total', 'balance'];

/** Adds to counters that all clients share. */
export async function workOnCounters(desk: Desk): Promise<void> {
  const { client, world } = desk;
  const counters = new Map(counterNames.map((name) => [name, new Counter(client, name)]));
  while (!world.isCalm) {
    const name = draw(desk, counterNames);
    const counter = counters.get(name) as Counter;
    await Promise.all(
      Array.from({ length: 1 + drawBelow(desk, 3) }, () => add(desk, counter, name)),
    );
    await desk.rest();
  }
}

async function add(desk: Desk, counter: Counter, name: string): Promise<void> {
  const { records, world } = desk;
  const amount = 1 + drawBelow(desk, 5) - (name === 'balance' ? 3 : 0);
  const increment: Open<Increment> = { amount, outcome: 'unknown' };
  const all = records.increments.get(name) ?? [];
  all.push(increment);
  records.increments.set(name, all);
  try {
    const total = await counter.add(amount);
    world.tell(`${desk.name} add ${total}`);
    increment.outcome = 'done';
  } catch (error) {
    demandAllowed(desk, error);
    increment.outcome = outcomeOf(error);
  }
}
