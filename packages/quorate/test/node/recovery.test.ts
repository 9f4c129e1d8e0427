import { describe, expect, test } from 'vitest';
import type { Storage } from '../../src/contract/storage.ts';
import type { Entry } from '../../src/core/types.ts';
import { Machine } from '../../src/node/machine.ts';
import { type Recovered, recover } from '../../src/node/recovery.ts';
import { MemorySnapshotStore } from '../../src/storage/memory/snapshot-store.ts';
import { RecordingMachine } from '../cluster/recording-machine.ts';
import { commandRun } from './entries.ts';
import { GatedStore } from './gated-store.ts';

function openStorage(): { storage: Storage; store: GatedStore } {
  const store = new GatedStore();
  const storage: Storage = {
    log: store,
    snapshots: new MemorySnapshotStore(),
    [Symbol.asyncDispose]: async () => undefined,
  };
  return { storage, store };
}

function membershipEntry(term: number, index: number, voters: readonly string[]): Entry {
  const nodes = Object.fromEntries(voters.map((id) => [id, {}]));
  const membership = { cluster: 'c', voters: [voters], nodes };
  return { logId: { term, index }, payload: { type: 'membership', membership } };
}

const drawId = (): string => 'drawn';

/** Recovers with a state machine that keeps nothing. */
function recoverOn(storage: Storage, id: string, randomId: () => string): Promise<Recovered> {
  const machine = new Machine(new RecordingMachine());
  return recover({ storage, id, machine, randomId });
}

describe('recovery', () => {
  test('of a new disk draws an incarnation and knows nothing', async () => {
    const { storage, store } = openStorage();

    const { identity, state } = await recoverOn(storage, 'a', drawId);

    expect(identity).toEqual({ cluster: undefined, node: 'a', incarnation: 'drawn', starts: 1 });
    expect(await store.readIdentity()).toEqual(identity);
    expect(state).toEqual({
      vote: { term: 0, votedFor: undefined },
      termStarts: [],
      purged: { term: 0, index: 0 },
      last: { term: 0, index: 0 },
      snapshot: { term: 0, index: 0 },
      applied: { term: 0, index: 0 },
      memberships: [],
    });
  });

  test('counts each start', async () => {
    const { storage } = openStorage();
    await recoverOn(storage, 'a', drawId);

    const { identity } = await recoverOn(storage, 'a', () => 'another');

    expect(identity).toMatchObject({ incarnation: 'drawn', starts: 2 });
  });

  test('finds the vote, the first entry of each term, and every membership', async () => {
    const { storage, store } = openStorage();
    await store.saveIdentity({ cluster: 'c', node: 'a', incarnation: 'i', starts: 1 });
    await store.saveVote({ term: 4, votedFor: 'b' });
    await store.append([membershipEntry(0, 1, ['a']), ...commandRun(1, 2, 4)]);
    await store.append([membershipEntry(3, 4, ['a', 'b']), ...commandRun(3, 5, 7)]);

    const { state } = await recoverOn(storage, 'a', drawId);

    expect(state.vote).toEqual({ term: 4, votedFor: 'b' });
    expect(state.termStarts).toEqual([
      { term: 0, index: 1 },
      { term: 1, index: 2 },
      { term: 3, index: 4 },
    ]);
    expect(state.last).toEqual({ term: 3, index: 6 });
    expect(state.memberships.map(({ logId, voters }) => [logId.index, voters])).toEqual([
      [1, [['a']]],
      [4, [['a', 'b']]],
    ]);
  });

  test('a disk that never got further than the name of its cluster is free again', async () => {
    const { storage, store } = openStorage();
    await store.saveIdentity({ cluster: 'c', node: 'a', incarnation: 'i', starts: 1 });

    const { identity } = await recoverOn(storage, 'a', drawId);

    expect(identity).toEqual({ cluster: undefined, node: 'a', incarnation: 'i', starts: 2 });
  });

  test('a disk that has voted stays in its cluster, though its log is empty', async () => {
    const { storage, store } = openStorage();
    await store.saveIdentity({ cluster: 'c', node: 'a', incarnation: 'i', starts: 1 });
    await store.saveVote({ term: 1, votedFor: 'b' });

    expect((await recoverOn(storage, 'a', drawId)).identity.cluster).toBe('c');
  });

  test('a log of one cluster on a disk of another is refused', async () => {
    const { storage, store } = openStorage();
    await store.saveIdentity({ cluster: 'other', node: 'a', incarnation: 'i', starts: 1 });
    await store.append([membershipEntry(0, 1, ['a'])]);

    await expect(recoverOn(storage, 'a', drawId)).rejects.toThrow(
      'The disk says that it belongs to cluster other, and entry 1 of its log to cluster c.',
    );
  });

  test('reads a log that is larger than one look', async () => {
    const { storage, store } = openStorage();
    await store.saveVote({ term: 1, votedFor: undefined });
    await store.append(commandRun(1, 1, 13, 1024 * 1024));

    const { state } = await recoverOn(storage, 'a', drawId);

    expect(state.last.index).toBe(12);
    expect(store.reads.length).toBeGreaterThan(2);
  });
});

describe('recovery refuses', () => {
  test('the storage of another node, and leaves it as it was', async () => {
    const { storage, store } = openStorage();
    await recoverOn(storage, 'a', drawId);

    const recovered = recoverOn(storage, 'b', drawId);

    await expect(recovered).rejects.toThrow(RangeError);
    await expect(recovered).rejects.toThrow(
      'The storage belongs to node a, and node b was to start on it.',
    );
    expect(await store.readIdentity()).toMatchObject({ node: 'a', starts: 1 });
  });

  test('a log that is newer than the vote', async () => {
    const { storage, store } = openStorage();
    await store.saveVote({ term: 2, votedFor: undefined });
    await store.append(commandRun(3, 1, 3));

    const recovered = recoverOn(storage, 'a', drawId);

    await expect(recovered).rejects.toMatchObject({ code: 'RAFT_FATAL' });
    await expect(recovered).rejects.toThrow(
      'The log ends in term 3, but the saved vote is of term 2',
    );
  });

  test.each<[string, (entries: Entry[]) => Entry[]]>([
    ['a gap', (entries) => entries.filter((_, at) => at !== 1)],
    ['a term that falls', ([first, ...rest]) => [{ ...(first as Entry) }, ...lowered(rest)]],
    ['an end that is not there', (entries) => entries.slice(0, -1)],
    ['nothing', () => []],
    ['more than there is', (entries) => [...entries, ...commandRun(1, entries.length + 1, 9)]],
  ])('a store that returns %s', async (_name, spoil) => {
    const { storage, store } = openStorage();
    await store.saveVote({ term: 1, votedFor: undefined });
    await store.append(commandRun(1, 1, 5));
    let isSpoiled = false;
    store.onRead = (entries) => {
      if (isSpoiled) return [];
      isSpoiled = true;
      return spoil(entries);
    };

    await expect(recoverOn(storage, 'a', drawId)).rejects.toMatchObject({ code: 'RAFT_FATAL' });
  });

  test('a log whose beginning is in a snapshot that is missing', async () => {
    const { storage, store } = openStorage();
    await store.saveVote({ term: 1, votedFor: undefined });
    await store.append(commandRun(1, 1, 5));
    await store.purge({ term: 1, index: 2 });

    await expect(recoverOn(storage, 'a', drawId)).rejects.toThrow(
      'The log is purged up to entry 2, and the newest snapshot is missing',
    );
  });
});

function lowered(entries: readonly Entry[]): Entry[] {
  return entries.map((entry) => ({ ...entry, logId: { ...entry.logId, term: 0 } }));
}
