import { expect, test } from 'vitest';
import type { Command } from './protocol.ts';
import { ChaosStore } from './store.ts';

function commandAt(index: number, command: Command): Parameters<ChaosStore['apply']>[0][number] {
  return { logId: { term: 1, index }, command };
}

async function* streamed(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

test('each kind of command does and answers what its name says', () => {
  const store = new ChaosStore();

  const responses = store.apply([
    commandAt(1, { type: 'put', key: 'r', value: '1' }),
    commandAt(2, { type: 'cas', key: 'r', from: '1', value: '2' }),
    commandAt(3, { type: 'cas', key: 'r', from: '1', value: '3' }),
    commandAt(4, { type: 'append', key: 'l', value: 'x;' }),
    commandAt(5, { type: 'append', key: 'l', value: 'y;' }),
    commandAt(6, { type: 'add', key: 'n' }),
    commandAt(7, { type: 'add', key: 'n' }),
  ]);

  expect(responses).toEqual([undefined, true, false, undefined, undefined, 1, 2]);
  expect(['r', 'l', 'n', 'none'].map((key) => store.get(key))).toEqual([
    '2',
    'x;y;',
    '2',
    undefined,
  ]);
});

test('the hash tells apart two pasts that left the same values', () => {
  const one = new ChaosStore();
  const other = new ChaosStore();
  const again = new ChaosStore();
  const put = (value: string): Command => ({ type: 'put', key: 'r', value });

  one.apply([commandAt(1, put('1')), commandAt(2, put('2'))]);
  other.apply([commandAt(1, put('0')), commandAt(2, put('2'))]);
  again.apply([commandAt(1, put('1'))]);
  again.apply([commandAt(2, put('2'))]);

  expect(other.state.chain).not.toBe(one.state.chain);
  expect(again.state).toEqual(one.state);
});

test('a snapshot carries everything, in pieces, and the same hashes are told after it', async () => {
  const told: string[] = [];
  const store = new ChaosStore((index, chain) => told.push(`${index} ${chain}`));
  const commands = Array.from({ length: 500 }, (_, at) =>
    commandAt(at + 1, { type: 'append', key: 'l', value: `${at};` }),
  );
  store.apply(commands.slice(0, 300));
  const chunks = await store.snapshot();
  store.apply(commands.slice(300));
  const toldAfterwards: string[] = [];
  const restored = new ChaosStore((index, chain) => toldAfterwards.push(`${index} ${chain}`));

  await restored.restore(streamed(chunks));
  restored.apply(commands.slice(300));

  expect(chunks.length).toBeGreaterThan(0);
  expect(restored.get('l')).toBe(store.get('l'));
  expect(restored.state).toEqual(store.state);
  expect(toldAfterwards).toEqual(told.slice(-toldAfterwards.length));
  expect(toldAfterwards.length).toBe(3);
});
