import { expect, test } from 'vitest';
import { encodeCommand } from '../../src/protocol/commands.ts';
import { KvStore } from '../../src/store/store.ts';
import type { Operation } from '../../src/types.ts';
import type { Change } from '../checks/watches.ts';
import { checkSaved } from './backup-check.ts';

function put(key: string, value: string): Operation {
  return { type: 'put', key: Buffer.from(key), value: Buffer.from(value) };
}

function remove(key: string): Operation {
  return { type: 'delete', key: Buffer.from(key) };
}

function storeOf(operations: readonly Operation[]): KvStore {
  const store = new KvStore();
  for (const one of operations) store.apply(encodeCommand([one]));
  return store;
}

/** As somebody who watches everything from the first change on is told it. */
function toldBy(store: KvStore): readonly Change[] {
  const changes: Change[] = [];
  for (let revision = 2; revision <= store.revision; revision += 1) {
    const events = (store.changesAt(revision) ?? []).map((one) =>
      store.eventOf(one, { previous: true }),
    );
    changes.push({ revision, events });
  }
  return changes;
}

const written = [put('a', '1'), put('b', '2'), put('a', '3'), remove('b'), put('c', '4')];
const changes = toldBy(storeOf([...written, put('later', '5')]));

test('a backup is as everything was at its revision, also once its past is compacted', () => {
  const compacted: Operation = { type: 'compact', revision: 4 };

  expect(checkSaved(storeOf(written), changes)).toEqual([]);
  expect(checkSaved(storeOf([...written, compacted]), changes)).toEqual([]);
  expect(checkSaved(storeOf([]), changes)).toEqual([]);
});

test.each([
  [
    'lacks a key',
    [put('a', '1'), put('b', '2'), put('a', '3'), remove('b'), remove('a')],
    'c is lost',
  ],
  ['has one that nobody wrote', [...written.slice(0, 4), put('d', '4')], 'd is "4"'],
  [
    'has another value',
    [...written.slice(0, 4), put('c', '5')],
    'c is "5", 6/6, version 1, lease 0, not',
  ],
  ['has another past', [put('b', '1'), ...written.slice(1)], 'Its revision 2 is the put of b'],
])('a backup that %s is found', (_what, operations, text) => {
  expect(checkSaved(storeOf(operations), changes).join(' ')).toContain(text);
});

test('a backup of a revision that nobody was told of is found', () => {
  const [fault] = checkSaved(storeOf([...written, put('later', '5'), put('never', '6')]), changes);

  expect(fault).toBe('It is of revision 8, and the last change up to that is 7.');
});
