import { maxKeyBytes, maxValueBytes } from '@quorate/rocksdb';
import { afterAll, describe, expect, test } from 'vitest';
import {
  contentOf,
  Machines,
  meta,
  nothingSealed,
  type Say,
  say,
  stateOf,
  streamOf,
  wordOptions,
} from './words.ts';

const machines = new Machines();
afterAll(() => machines[Symbol.asyncDispose]());

describe('reading', () => {
  test('entries come in the order of their bytes, from the first key in to the last one out', async () => {
    const machine = await machines.openWith('b', 'é', 'a', 'c', 'B');

    const keysIn = async (from?: string, to?: string): Promise<string> => {
      let keys = '';
      for await (const [key] of machine.entries({ from, to })) keys += Buffer.from(key).toString();
      return keys;
    };

    expect(await keysIn()).toBe('Babcé');
    expect(await keysIn('a', 'c')).toBe('ab');
    expect(await keysIn('b')).toBe('bcé');
    expect(await keysIn(undefined, 'b')).toBe('Ba');
    expect(await keysIn('c', 'a')).toBe('');
  });

  test('an empty key and an empty value are like any other', async () => {
    const machine = await machines.open(undefined, {
      applyOne: (_committed, view) => {
        view.put('', new Uint8Array(0));
        return '';
      },
    });
    await machine.apply(say({ type: 'forget', key: '' }), nothingSealed);

    expect(await machine.get('')).toEqual(Buffer.alloc(0));
    expect(await machine.get('a')).toBeUndefined();
    expect(await stateOf(machine)).toEqual({ '': '' });
  });

  test('validate sees the state', async () => {
    const seen: unknown[] = [];
    const machine = await machines.open(undefined, {
      ...wordOptions,
      validate: async (_command, state) => void seen.push(await stateOf(state)),
    });
    await machine.apply(say({ type: 'say', key: 'a', word: 'one' }), nothingSealed);

    await machine.validate({ type: 'forget', key: 'a' });

    expect(seen).toEqual([{ a: ' one' }]);
  });
});

describe('a batch', () => {
  test('shows each command what those before it did, in gets and in entries', async () => {
    const machine = await machines.openWith('a', 'c', 'e');
    const seen: string[] = [];
    const recording = await machines.open(undefined, {
      async applyOne(committed, view) {
        await wordOptions.applyOne(committed, view);
        seen.push(Object.keys(await stateOf(view)).join(''));
        return '';
      },
    });
    await recording.restore(streamOf(await contentOf(machine)), meta, []);
    const commands: readonly Say[] = [
      { type: 'say', key: 'b', word: 'x' },
      { type: 'forget', key: 'c' },
      { type: 'say', key: 'f', word: 'x' },
      { type: 'forget', key: 'f' },
      { type: 'say', key: 'a', word: 'x' },
      { type: 'say', key: 'f', word: 'again' },
      { type: 'say', key: '0', word: 'x' },
    ];

    await recording.apply(say(...commands), nothingSealed);

    expect(seen).toEqual(['abce', 'abe', 'abef', 'abe', 'abe', 'abef', '0abef']);
    const wanted = { 0: ' x', a: ' a x', b: ' x', e: ' e', f: ' again' };
    expect(await stateOf(recording)).toEqual(wanted);
  });

  test('of which one command throws leaves nothing', async () => {
    const machine = await machines.open(undefined, {
      async applyOne(committed, view) {
        if (committed.logId.index === 3) throw new Error('No.');
        return wordOptions.applyOne(committed, view);
      },
    });
    const three = [1, 2, 3].map((at) => ({ type: 'say', key: `${at}`, word: 'x' }) as const);

    await expect(machine.apply(say(...three), nothingSealed)).rejects.toThrow('No.');

    expect(await stateOf(machine)).toEqual({});
  });

  test.each([
    { key: 1, value: Buffer.of(1), wanted: 'A key must be a string or a Uint8Array; got number.' },
    { key: 'a', value: 'text', wanted: 'A value must be a Uint8Array; got string.' },
    { key: 'a', value: null, wanted: 'A value must be a Uint8Array; got null.' },
    { key: 'x'.repeat(maxKeyBytes + 1), value: Buffer.of(1), wanted: 'A key has at most' },
    { key: 'a', value: Buffer.alloc(maxValueBytes + 1), wanted: 'A value has at most' },
  ])('refuses what is no key or no value: $wanted', async ({ key, value, wanted }) => {
    const machine = await machines.open(undefined, {
      applyOne: (_committed, view) => {
        view.put(key as string, value as Uint8Array);
        return '';
      },
    });

    const applying = machine.apply(say({ type: 'forget', key: '' }), nothingSealed);

    await expect(applying).rejects.toThrow(wanted);
  });
});
