import { expect, test } from 'vitest';
import { type Command, type CommandResponse, KeyValueStore } from './store.ts';

function applyAt(store: KeyValueStore, index: number, command: Command): CommandResponse {
  return store.apply([{ logId: { term: 1, index }, command }])[0];
}

const set = (value: string): Command => ({ type: 'set', key: 'foo', value });

const compareAndSet = (expectedVersion: number, value: string): Command => ({
  type: 'compare-and-set',
  key: 'foo',
  expectedVersion,
  value,
});

test('a set value is read back with the index of its entry as version', () => {
  const store = new KeyValueStore();

  const response = applyAt(store, 7, set('bar'));

  expect(response).toEqual({ value: 'bar', version: 7 });
  expect(store.get('foo')).toEqual({ value: 'bar', version: 7 });
});

test('a missing key reads as undefined', () => {
  expect(new KeyValueStore().get('foo')).toBeUndefined();
});

test('a key may be named like a property that every object has', () => {
  const store = new KeyValueStore();

  applyAt(store, 1, { type: 'set', key: '__proto__', value: 'x' });

  expect(store.get('__proto__')).toEqual({ value: 'x', version: 1 });
  expect(store.get('constructor')).toBeUndefined();
});

test('versions grow with each write, also when the value stays the same', () => {
  const store = new KeyValueStore();

  const versions = [3, 4, 9].map((index) => applyAt(store, index, set('same'))?.version);

  expect(versions).toEqual([3, 4, 9]);
});

test('one response is returned for each command of a batch, in order', () => {
  const store = new KeyValueStore();

  const responses = store.apply([
    { logId: { term: 1, index: 1 }, command: set('a') },
    { logId: { term: 1, index: 2 }, command: compareAndSet(1, 'b') },
    { logId: { term: 2, index: 5 }, command: compareAndSet(1, 'c') },
  ]);

  expect(responses).toEqual([{ value: 'a', version: 1 }, { value: 'b', version: 2 }, undefined]);
});

test('compare-and-set writes when the version matches', () => {
  const store = new KeyValueStore();
  applyAt(store, 1, set('a'));

  const response = applyAt(store, 2, compareAndSet(1, 'b'));

  expect(response).toEqual({ value: 'b', version: 2 });
});

test('compare-and-set with a stale version changes nothing', () => {
  const store = new KeyValueStore();
  applyAt(store, 1, set('a'));
  applyAt(store, 2, set('b'));

  const response = applyAt(store, 3, compareAndSet(1, 'c'));

  expect(response).toBeUndefined();
  expect(store.get('foo')).toEqual({ value: 'b', version: 2 });
});

test('compare-and-set of a missing key changes nothing, whatever the version', () => {
  const store = new KeyValueStore();

  const response = applyAt(store, 1, compareAndSet(0, 'a'));

  expect(response).toBeUndefined();
  expect(store.get('foo')).toBeUndefined();
});

test('compare-and-set sees a value that went away and came back', () => {
  const store = new KeyValueStore();
  applyAt(store, 1, set('a'));
  applyAt(store, 2, set('b'));
  applyAt(store, 3, set('a'));

  const response = applyAt(store, 4, compareAndSet(1, 'c'));

  expect(response).toBeUndefined();
  expect(store.get('foo')).toEqual({ value: 'a', version: 3 });
});
