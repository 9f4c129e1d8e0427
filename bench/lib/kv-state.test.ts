import type { Committed } from 'quorate';
import { expect, test } from 'vitest';
import { getsMessage, putsMessage } from './kv-messages.ts';
import { KvState } from './kv-state.ts';

function put(state: KvState, key: string, value: Uint8Array): void {
  const committed: Committed<Uint8Array> = {
    logId: { term: 1, index: 1 },
    command: putsMessage([{ key, value }]),
  };
  state.apply([committed]);
}

/** In pieces that have nothing to do with the pairs in them. */
async function* pieces(chunks: Iterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  const all = Buffer.concat([...chunks]);
  for (let at = 0; at < all.length; at += size) yield all.subarray(at, at + size);
}

test('a value is what was put last, and a copy', () => {
  const state = new KvState();
  const command = putsMessage([
    { key: 'käse', value: Uint8Array.of(1, 2) },
    { key: 'wein', value: new Uint8Array(0) },
  ]);

  state.apply([{ logId: { term: 1, index: 1 }, command }]);
  command.fill(0);

  expect(state.get('käse')).toEqual(Buffer.of(1, 2));
  expect(state.get('wein')).toEqual(Buffer.of());
  expect(state.get('brot')).toBeUndefined();
});

test('a snapshot has the state of its moment, in whatever pieces it comes', async () => {
  const state = new KvState();
  for (let at = 0; at < 500; at += 1) put(state, `key-${at}`, new Uint8Array(at).fill(at));
  const chunks = await state.snapshot();
  put(state, 'key-3', Uint8Array.of(9));
  put(state, 'later', Uint8Array.of(9));
  const restored = new KvState();
  put(restored, 'before', Uint8Array.of(1));

  await restored.restore(pieces(chunks, 777));

  expect(restored.get('key-3')).toEqual(Buffer.of(3, 3, 3));
  expect(restored.get('key-499')).toEqual(Buffer.alloc(499, 499 % 256));
  expect(restored.get('later')).toBeUndefined();
  expect(restored.get('before')).toBeUndefined();
});

test('a snapshot that ends within a pair is refused', async () => {
  const state = new KvState();
  put(state, 'key', new Uint8Array(100));
  const whole = Buffer.concat([...(await state.snapshot())]);

  await expect(new KvState().restore(pieces([whole.subarray(0, -1)], 50))).rejects.toThrow('ends');
});

test('gets are no command, and bytes that are no puts are refused', () => {
  const state = new KvState();
  const logId = { term: 1, index: 1 };
  const apply = (command: Uint8Array) => (): unknown => state.apply([{ logId, command }]);

  expect(apply(getsMessage(['key']))).toThrow('puts were wanted');
  expect(apply(Uint8Array.of(1, 9, 0, 1))).toThrow('ends early');
  expect(apply(Uint8Array.of(1, 1, 0, 9, 0, 0, 0, 65))).toThrow('goes on to 17');
  expect(apply(Uint8Array.of(7, 0, 0))).toThrow('operation 7');
});
