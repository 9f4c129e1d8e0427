import type { KeyValueInput, KeyValueOutput } from 'quorate/testing';
import { compare, op } from '../../../src/client.ts';
import { outcomeOf } from '../outcomes.ts';
import { type Desk, demandAllowed, draw, drawBelow } from './desk.ts';

export const registerNames: readonly string[] = ['register-1', 'register-2', 'register-3'];

/** Gets, puts, deletes and compares and sets single keys; the empty text stands for none. */
export async function workOnRegisters(desk: Desk): Promise<void> {
  const { records, name, world } = desk;
  let count = 0;
  let seen = '';
  while (!world.isCalm) {
    const key = draw(desk, registerNames);
    count += 1;
    const input = drawInput(desk, key, { value: `${name}:${count}`, seen });
    const call = records.registers.call(name, input);
    const heard = records.heard;
    try {
      const { output, revision } = await ask(desk, input);
      world.tell(`${name} ${input.type} ${key} ${revision}`);
      records.hear(`${name} (${input.type} of ${key})`, revision, { atLeast: heard });
      if (input.type === 'get') seen = String(output);
      call.returned(output);
    } catch (error) {
      demandAllowed(desk, error);
      // Of a read nothing can come any more, and of a write that was refused neither.
      if (input.type === 'get' || outcomeOf(error) === 'refused') call.failed();
    }
    await desk.rest();
  }
}

function drawInput(
  desk: Desk,
  key: string,
  { value, seen }: { readonly value: string; readonly seen: string },
): KeyValueInput {
  const chance = drawBelow(desk, 10);
  if (chance < 4) return { type: 'get', key };
  if (chance < 7) return { type: 'put', key, value };
  if (chance === 7) return { type: 'put', key, value: '' };
  return { type: 'compareAndSet', key, expected: seen, value };
}

interface Answer {
  readonly output: KeyValueOutput;
  readonly revision: number;
}

async function ask(desk: Desk, input: KeyValueInput): Promise<Answer> {
  const { client, records, name } = desk;
  const { key, type } = input;
  switch (type) {
    case 'get': {
      const request = { key: Buffer.from(key) };
      const response = await client.read(request);
      records.reads.push({ client: name, request, response });
      const [pair] = response.kvs;
      const output = pair === undefined ? '' : Buffer.from(pair.value).toString();
      return { output, revision: response.revision };
    }
    case 'put': {
      if (input.value === '') {
        const { revision } = await client.delete(key);
        return { output: undefined, revision };
      }
      const { revision } = await client.put(key, input.value);
      const bytes = { key: Buffer.from(key), value: Buffer.from(input.value) };
      records.acknowledged.push({ type: 'put', ...bytes, revision });
      return { output: undefined, revision };
    }
    case 'compareAndSet': {
      const { expected, value } = input;
      const holds =
        expected === '' ? compare.version(key, '=', 0) : compare.value(key, '=', expected);
      const { succeeded, revision } = await client
        .txn()
        .if(holds)
        .then(op.put(key, value))
        .commit();
      return { output: succeeded, revision };
    }
    case 'append':
      throw new Error('Nobody appends here.');
  }
}
