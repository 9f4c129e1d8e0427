import { describe, expect, test } from 'vitest';
import type { DurableStateMachine, LibraryRecord } from '../../src/contract/state-machine.ts';
import type { Storage } from '../../src/contract/storage.ts';
import type { EffectiveMembership, Entry, LogId } from '../../src/core/types.ts';
import { Machine } from '../../src/node/machine.ts';
import { type Recovered, recover } from '../../src/node/recovery.ts';
import { MemorySnapshotStore } from '../../src/storage/memory/snapshot-store.ts';
import { RecordingMachine } from '../cluster/recording-machine.ts';
import { commandRun } from './entries.ts';
import { GatedStore } from './gated-store.ts';
import { collect, contentOf, memberOf, metaAt, Stream } from './snapshots.ts';

/** A state machine with a disk of its own, whose state is a text. */
class TextMachine implements DurableStateMachine<unknown, unknown> {
  text = 'own';
  restores = 0;
  records: LibraryRecord[] = [];

  constructor(applied?: LogId) {
    if (applied === undefined) return;
    this.records = [{ key: 'applied', value: Buffer.from(JSON.stringify(applied)) }];
  }

  apply(): never {
    throw new Error('Recovery applies nothing by itself.');
  }

  async snapshot(): Promise<Uint8Array[]> {
    return [Buffer.from(this.text)];
  }

  async restore(
    chunks: AsyncIterable<Uint8Array>,
    _meta: unknown,
    records: readonly LibraryRecord[],
  ): Promise<void> {
    this.text = Buffer.from(await collect(chunks)).toString();
    this.records = [...records];
    this.restores += 1;
  }

  async *libraryRecords(): AsyncGenerator<LibraryRecord, void, undefined> {
    yield* this.records;
  }
}

function at(index: number, term = 1): LogId {
  return { term, index };
}

function member(index: number, voters: readonly string[], term = 1): Entry {
  const { logId: _, ...membership } = memberOf(voters);
  return { logId: { term, index }, payload: { type: 'membership', membership } };
}

/** A disk, put together by hand. */
class Disk {
  readonly log = new GatedStore();
  readonly snapshots = new MemorySnapshotStore();
  machine = new TextMachine();

  static async with(entries: readonly Entry[], purged?: LogId): Promise<Disk> {
    const disk = new Disk();
    await disk.log.saveIdentity({ cluster: 'c', node: 'a', incarnation: 'i', starts: 1 });
    await disk.log.saveVote({ term: 5, votedFor: undefined });
    if (entries[0]?.logId.index !== 1 && purged !== undefined) await disk.log.purge(purged);
    await disk.log.append(entries);
    if (purged !== undefined) await disk.log.purge(purged);
    disk.log.writes.length = 0;
    return disk;
  }

  async save(
    index: number,
    {
      term = 1,
      membership = memberOf(['a']),
    }: { term?: number; membership?: EffectiveMembership } = {},
  ): Promise<void> {
    const meta = { ...metaAt(index, { term }), membership };
    await this.snapshots.save(meta, new Stream(await contentOf(`state at ${index}`)));
  }

  recover(machine: Machine = new Machine(this.machine)): Promise<Recovered> {
    const { log, snapshots } = this;
    const storage: Storage = { log, snapshots, [Symbol.asyncDispose]: async () => undefined };
    return recover({ storage, id: 'a', machine, randomId: () => 'drawn' });
  }

  /** The names of what recovery has written. */
  get writes(): string[] {
    return this.log.writes.map(({ name }) => name);
  }
}

function membershipsOf({ state }: Recovered): [index: number, voters: string][] {
  return state.memberships.map(({ logId, voters }) => [logId.index, voters.flat().join('')]);
}

describe('the memberships', () => {
  test('of an empty disk are none', async () => {
    const recovered = await new Disk().recover();

    expect(membershipsOf(recovered)).toEqual([]);
    expect(recovered.membership.voters).toEqual([]);
  });

  test('are that of the snapshot where there is nothing else', async () => {
    const disk = await Disk.with([], at(9));
    await disk.save(9, { membership: memberOf(['a', 'b'], 4) });

    const recovered = await disk.recover();

    expect(membershipsOf(recovered)).toEqual([[4, 'ab']]);
    expect(recovered.membership.voters).toEqual([['a', 'b']]);
  });

  test('are those of the log where it was never purged, snapshot or not', async () => {
    const entries = [member(1, ['a'], 0), ...commandRun(1, 2, 4), member(4, ['a', 'b'])];
    const disk = await Disk.with([...entries, ...commandRun(1, 5, 9)]);
    expect(membershipsOf(await disk.recover())).toEqual([
      [1, 'a'],
      [4, 'ab'],
    ]);

    await disk.save(6, { membership: memberOf(['a', 'b'], 4) });

    const recovered = await disk.recover();
    expect(membershipsOf(recovered)).toEqual([
      [1, 'a'],
      [4, 'ab'],
    ]);
    expect(recovered.membership.logId.index).toBe(4);
  });

  test('in the log that are older than the snapshot’s do not count', async () => {
    const entries = [...commandRun(1, 3, 4), member(4, ['a', 'b']), member(5, ['c'])];
    const disk = await Disk.with([...entries, ...commandRun(1, 6, 9)], at(2));
    await disk.save(6, { membership: memberOf(['c'], 5) });

    expect(membershipsOf(await disk.recover())).toEqual([[5, 'c']]);
  });

  test.each([
    ['one', [member(8, ['a', 'b'])], [[8, 'ab']]],
    [
      'two',
      [member(8, ['a', 'b']), member(9, ['b'])],
      [
        [8, 'ab'],
        [9, 'b'],
      ],
    ],
  ])('in the log that are newer come after the snapshot’s: %s', async (_count, entries, newer) => {
    const disk = await Disk.with([...commandRun(1, 5, 8), ...entries], at(4));
    await disk.save(6, { membership: memberOf(['a'], 3) });

    const recovered = await disk.recover();

    expect(membershipsOf(recovered)).toEqual([[3, 'a'], ...newer]);
    // That at the last applied entry, which is the snapshot's.
    expect(recovered.membership.logId.index).toBe(3);
  });
});

describe('a snapshot', () => {
  test('ahead of the log leaves a gap, which is cleaned (row 51)', async () => {
    const disk = await Disk.with(commandRun(1, 1, 5));
    await disk.save(9, { term: 2 });

    const { state } = await disk.recover();

    expect(state).toMatchObject({ purged: at(9, 2), last: at(9, 2), snapshot: at(9, 2) });
    expect(state).toMatchObject({ applied: at(9, 2), termStarts: [] });
    expect(await disk.log.state()).toEqual({ purged: at(9, 2), last: at(9, 2) });
  });

  test('that the log contradicts at its end takes the place of the log (row 56)', async () => {
    const disk = await Disk.with(commandRun(1, 1, 12));
    await disk.save(9, { term: 3 });

    const { state } = await disk.recover();

    expect(state).toMatchObject({ purged: at(9, 3), last: at(9, 3), termStarts: [] });
    expect(disk.writes).toEqual(['purge', 'saveIdentity']);
  });

  test('that the log agrees with leaves the log as it is', async () => {
    const disk = await Disk.with([...commandRun(1, 1, 9), ...commandRun(2, 9, 12)]);
    await disk.save(8);

    const { state } = await disk.recover();

    expect(state).toMatchObject({ purged: at(0, 0), snapshot: at(8), last: at(11, 2) });
    expect(disk.writes).toEqual(['saveIdentity']);
  });

  test('is restored into a state machine in memory, which goes on after it', async () => {
    const disk = await Disk.with(commandRun(1, 5, 12), at(4));
    const machine = new RecordingMachine();
    const state = JSON.stringify({ commands: ['x'], logIds: [at(7)] });
    await disk.snapshots.save(metaAt(8), new Stream(await contentOf(state), 1));

    const recovered = await disk.recover(new Machine(machine));

    expect(machine.commands).toEqual(['x']);
    expect(recovered.state.applied).toEqual(at(8));
  });
});

describe('a state machine with a disk of its own', () => {
  test.each([
    ['has the snapshot exactly', 8, 0],
    ['is ahead of the snapshot', 11, 0],
    ['is behind the snapshot', 7, 1],
  ])('that %s', async (_name, applied, restores) => {
    const disk = await Disk.with(commandRun(1, 5, 12), at(4));
    await disk.save(8);
    disk.machine = new TextMachine(at(applied));

    const { state } = await disk.recover();

    expect(disk.machine.restores).toBe(restores);
    expect(disk.machine.text).toBe(restores === 1 ? 'state at 8' : 'own');
    expect(state.applied).toEqual(at(Math.max(applied, 8)));
    expect(await new Machine(disk.machine).readApplied()).toEqual(state.applied);
  });

  test('that is new goes through the whole log, or begins with the snapshot', async () => {
    const disk = await Disk.with(commandRun(1, 1, 12));
    expect((await disk.recover()).state.applied).toEqual(at(0, 0));

    await disk.save(8);

    expect((await disk.recover()).state.applied).toEqual(at(8));
    expect((await disk.recover()).state.applied).toEqual(at(8));
    expect(disk.machine.restores).toBe(1);
  });

  test('that fails to restore makes the start fail, and the next start tries again', async () => {
    const disk = await Disk.with([], at(8));
    await disk.save(8);
    const restore = disk.machine.restore.bind(disk.machine);
    disk.machine.restore = () => Promise.reject(new Error('no room'));
    await expect(disk.recover()).rejects.toThrow('no room');

    disk.machine.restore = restore;

    expect((await disk.recover()).state.applied).toEqual(at(8));
    expect(disk.machine.text).toBe('state at 8');
  });

  test('knows the membership at its last entry, not the newest', async () => {
    const entries = [...commandRun(1, 5, 7), member(7, ['a', 'b']), member(8, ['b'])];
    const disk = await Disk.with([...entries, ...commandRun(1, 9, 12)], at(4));
    await disk.save(5, { membership: memberOf(['a'], 3) });
    disk.machine = new TextMachine(at(7));

    expect((await disk.recover()).membership.voters).toEqual([['a', 'b']]);
  });
});

describe('recovery refuses', () => {
  async function refusal(disk: Disk): Promise<string> {
    const before = { ends: await disk.log.state(), identity: await disk.log.readIdentity() };
    const error: unknown = await disk.recover().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'RAFT_FATAL' });
    expect((await disk.log.state()).last, 'the log stays').toEqual(before.ends.last);
    return String(error);
  }

  test('a log that ends before it starts', async () => {
    const disk = await Disk.with(commandRun(1, 1, 5));
    disk.log.state = async () => ({ purged: at(7), last: at(4) });

    expect(await refusal(disk)).toContain('purged up to 7 and ends at 4');
  });

  test('a snapshot that is missing, or ends before the log begins', async () => {
    const disk = await Disk.with(commandRun(1, 5, 12), at(4));
    expect(await refusal(disk)).toContain(
      'purged up to entry 4, and the newest snapshot is missing',
    );

    await disk.save(3);

    expect(await refusal(disk)).toContain(
      'purged up to entry 4, and the newest snapshot ends at 3',
    );
  });

  test('a snapshot of another history than the purged end', async () => {
    const disk = await Disk.with(commandRun(2, 5, 12), at(4, 2));
    await disk.save(4, { term: 1 });

    expect(await refusal(disk)).toContain('entry 4 of term 2');
    expect(await refusal(disk)).toContain('different histories');
  });

  test('a snapshot of a later term than the vote, and keeps the log', async () => {
    const disk = await Disk.with(commandRun(1, 1, 5));
    await disk.save(9, { term: 6 });

    expect(await refusal(disk)).toContain('ends in term 6, but the saved vote is of term 5');
  });

  test('a snapshot of another cluster, and keeps the log', async () => {
    const disk = await Disk.with(commandRun(1, 1, 5));
    await disk.save(9, { membership: { ...memberOf(['a']), cluster: 'other' } });

    expect(await refusal(disk)).toContain('cluster c, and its newest snapshot to cluster other');
  });

  test('a state machine that has applied what the log does not hold', async () => {
    const disk = await Disk.with(commandRun(1, 1, 5));
    disk.machine = new TextMachine(at(7));
    expect(await refusal(disk)).toContain('has applied entry 7, and the log ends at 4');

    disk.machine = new TextMachine(at(3, 2));

    expect(await refusal(disk)).toContain('entry 3 of term 2, and the log holds one of term 1');
  });

  test('the storage of another node, before it cleans a gap in it', async () => {
    const disk = await Disk.with(commandRun(1, 1, 5));
    await disk.log.saveIdentity({ cluster: 'c', node: 'z', incarnation: 'i', starts: 1 });
    await disk.save(9, { term: 2 });

    await expect(disk.recover()).rejects.toThrow(RangeError);

    expect((await disk.log.state()).last).toEqual(at(4));
  });

  test('a snapshot’s content that is of another version', async () => {
    const disk = await Disk.with([], at(9));
    await disk.snapshots.save(metaAt(9), new Stream(Buffer.from('QSNAP999 and more')));

    await expect(disk.recover()).rejects.toMatchObject({ code: 'RAFT_UNSUPPORTED' });
    expect(disk.machine.restores).toBe(0);
  });
});
