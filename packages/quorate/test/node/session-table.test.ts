import { describe, expect, test } from 'vitest';
import {
  type SessionBounds,
  SessionTable,
  type SessionWrite,
} from '../../src/node/session-table.ts';
import { SeededRandom } from '../../src/testing/sim-fs/random.ts';

const bounds: SessionBounds = { maxSessions: 3, maxSessionBytes: 10_000, window: 4 };

/** Indexes lie in one stretch of the log unless they are multiplied by this. */
const stretch = 64;

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

/** Applies a write: what the table says, with the response if it is kept. */
function write(
  table: SessionTable,
  session: SessionWrite,
  index: number,
  response: Uint8Array = bytes(index),
): string | Uint8Array | undefined {
  const verdict = table.admit(session, index);
  if (verdict.type === 'fresh') table.record(session, verdict.kept, response);
  return verdict.type === 'repeated' ? verdict.kept.bytes : verdict.type;
}

/** Everything that a reader of the table can see, the order of expiry included. */
function pictureOf(table: SessionTable): unknown {
  const records = [...table.freeze()];
  const sessions = records.map(({ key }) => key).filter((key) => /^session\/\d+$/.test(key));
  const sorted = records.sort((a, b) => (a.key < b.key ? -1 : 1));
  return { sessions, sorted, bytes: table.bytes };
}

describe('the tally of a session table', () => {
  test('has what expired by either bound, and not what was closed', () => {
    const tally = { expired: 0, refused: 0 };
    const table = new SessionTable({ tally });
    const open = (index: number): void => table.open(index, { ...bounds, maxSessionBytes: 500 });
    for (const index of [1, 2, 3]) open(index);
    table.close(1, 4);
    table.close(1, 5);
    expect(tally).toEqual({ expired: 0, refused: 0 });

    open(6);
    open(7);
    expect(tally).toEqual({ expired: 1, refused: 0 });
    write(table, { id: 7, sequence: 1 }, 8, new Uint8Array(400));
    expect(write(table, { id: 7, sequence: 2 }, stretch)).toBe('fresh');

    expect(table.size).toBe(1);
    expect(tally).toEqual({ expired: 3, refused: 0 });
  });

  test('has the writes that were refused, and goes on in the next table', () => {
    const tally = { expired: 0, refused: 0 };
    const table = new SessionTable({ tally });
    table.open(1, bounds);
    for (const sequence of [1, 1, 9]) write(table, { id: 1, sequence }, 2);
    expect(tally.refused).toBe(0);

    write(table, { id: 1, sequence: 2 }, 3);
    write(table, { id: 5, sequence: 1 }, 4);
    const next = SessionTable.from(table.freeze(), { tally });
    write(next, { id: 1, sequence: 3 }, 5);

    expect(tally).toEqual({ expired: 0, refused: 3 });
  });
});

describe('a session table', () => {
  test('answers a repeated write as the first time', () => {
    const table = new SessionTable();
    table.open(5, bounds);

    expect(write(table, { id: 5, sequence: 1 }, 6, bytes(42))).toBe('fresh');

    expect(write(table, { id: 5, sequence: 1 }, 7)).toEqual(bytes(42));
    expect(write(table, { id: 5, sequence: 2 }, 8)).toBe('fresh');
  });

  test('knows a write as repeated before the first one has its response', () => {
    const table = new SessionTable();
    table.open(5, bounds);
    const session = { id: 5, sequence: 1 };

    const first = table.admit(session, 6);
    const second = table.admit(session, 7);
    if (first.type === 'fresh') table.record(session, first.kept, bytes(42));

    expect(first.type).toBe('fresh');
    expect(second).toEqual({ type: 'repeated', kept: { bytes: bytes(42) } });
  });

  test('takes the writes of a session in any order', () => {
    const table = new SessionTable();
    table.open(5, bounds);

    expect(write(table, { id: 5, sequence: 3 }, 6)).toBe('fresh');
    expect(write(table, { id: 5, sequence: 1 }, 7)).toBe('fresh');

    expect(write(table, { id: 5, sequence: 3 }, 8)).toEqual(bytes(6));
  });

  test('forgets what is older than the window, and says so instead of applying it again', () => {
    const table = new SessionTable();
    table.open(5, bounds);

    for (let sequence = 1; sequence <= 6; sequence += 1) {
      write(table, { id: 5, sequence }, 5 + sequence);
    }

    const again = [1, 2, 3, 6].map((sequence) => write(table, { id: 5, sequence }, 20));
    expect(again).toEqual(['forgotten', 'forgotten', bytes(8), bytes(11)]);
  });

  test('leaps over numbers that were never used, however many', () => {
    const table = new SessionTable();
    table.open(5, bounds);
    write(table, { id: 5, sequence: 1 }, 6);

    expect(write(table, { id: 5, sequence: 2 ** 50 }, 7)).toBe('fresh');

    expect(write(table, { id: 5, sequence: 1 }, 8)).toBe('forgotten');
    expect(write(table, { id: 5, sequence: 2 ** 50 - 1 }, 9)).toBe('fresh');
  });

  test('keeps the window of a session, whatever others are opened with', () => {
    const table = new SessionTable();
    table.open(1, bounds);
    write(table, { id: 1, sequence: 1 }, 2);

    table.open(3, { ...bounds, window: 1 });
    write(table, { id: 1, sequence: 2 }, 4);

    expect(write(table, { id: 1, sequence: 1 }, 5)).toEqual(bytes(2));
  });

  test('expires the session that was used longest ago', () => {
    const table = new SessionTable();
    for (const id of [1, 2, 3]) table.open(id, bounds);
    write(table, { id: 1, sequence: 1 }, 4);

    table.open(5, bounds);

    const verdicts = [1, 2, 3, 5].map((id) => table.admit({ id, sequence: 9 }, 6).type);
    expect(verdicts).toEqual(['fresh', 'expired', 'fresh', 'fresh']);
  });

  test('makes room at the next stretch of the log, of others before the one used last', () => {
    const table = new SessionTable();
    const tight = { ...bounds, maxSessionBytes: 700 };
    table.open(1, tight);
    table.open(2, tight);
    write(table, { id: 1, sequence: 1 }, 3, new Uint8Array(200));
    for (const sequence of [1, 2, 3]) {
      write(table, { id: 2, sequence }, 3 + sequence, new Uint8Array(200));
    }
    expect(write(table, { id: 1, sequence: 1 }, 7)).toHaveLength(200);

    expect(write(table, { id: 1, sequence: 1 }, stretch)).toBe('expired');

    expect(table.bytes).toBeLessThanOrEqual(700);
    expect(write(table, { id: 2, sequence: 1 }, stretch + 1)).toBe('forgotten');
    expect(write(table, { id: 2, sequence: 3 }, stretch + 2)).toHaveLength(200);
  });

  test('keeps the response of the newest write, however large it is', () => {
    const table = new SessionTable();
    table.open(1, { ...bounds, maxSessionBytes: 100 });
    write(table, { id: 1, sequence: 1 }, 2, new Uint8Array(1000));

    expect(write(table, { id: 1, sequence: 1 }, stretch)).toHaveLength(1000);
  });

  test('says when the next entry must wait for responses: where a stretch begins', () => {
    const table = new SessionTable();
    table.open(1, bounds);
    const session = { id: 1, sequence: 1 };
    const verdict = table.admit(session, 2);

    expect([table.mustSettle(stretch - 1), table.mustSettle(stretch)]).toEqual([false, true]);
    if (verdict.type === 'fresh') table.record(session, verdict.kept, bytes(1));

    expect(table.mustSettle(stretch)).toBe(false);
  });

  test('knows nothing of a session that was closed, with a write under way or without', () => {
    const table = new SessionTable();
    table.open(1, bounds);
    write(table, { id: 1, sequence: 1 }, 2);
    const session = { id: 1, sequence: 2 };
    const verdict = table.admit(session, 3);

    table.close(1, 4);
    if (verdict.type === 'fresh') table.record(session, verdict.kept, bytes(2));

    expect(write(table, { id: 1, sequence: 1 }, 5)).toBe('expired');
    expect([table.size, table.bytes]).toEqual([0, 0]);
  });

  test('can be read as it was while it goes on', () => {
    const table = new SessionTable();
    table.open(1, bounds);
    write(table, { id: 1, sequence: 1 }, 2);
    const wanted = [...table.freeze()];

    const frozen = table.freeze();
    write(table, { id: 1, sequence: 2 }, 3);
    table.close(1, 4);

    expect([...frozen]).toEqual(wanted);
  });

  test('keeps no changes for a state machine that has no disk to keep them on', () => {
    const table = new SessionTable();
    table.open(1, bounds);

    expect(table.takeChanges()).toEqual([]);
  });

  test('refuses records that are not as they were given', () => {
    const record = (key: string, text: string): { key: string; value: Uint8Array } => ({
      key,
      value: new TextEncoder().encode(text),
    });

    expect(() => SessionTable.from([record('session/1', 'no')])).toThrow('it is no JSON');
    expect(() => SessionTable.from([record('session/1', '{"floor":0}')])).toThrow(
      'has no whole number "lastUsed"',
    );
    expect(() => SessionTable.from([record('session/1/2', '')])).toThrow('has no session');
    expect(() => SessionTable.from([record('session/x', '')])).toThrow(
      'none that the library gave',
    );
    const head = '{"floor":0,"lastUsed":1,"window":1}';
    expect(() => SessionTable.from([record('session/1', head)])).toThrow('it is missing');
    expect(SessionTable.from([record('applied', 'something else')]).size).toBe(0);
  });
});

test.each(Array.from({ length: 15 }, (_, seed) => seed))(
  'seed %i: a table from a snapshot, or from kept changes, goes on as the first',
  (seed) => {
    const random = new SeededRandom(`sessions ${seed}`);
    const first = new SessionTable({ keepsChanges: true });
    let second = new SessionTable();
    const kept = new Map<string, Uint8Array>();
    const tight = { maxSessions: 4, maxSessionBytes: 1500, window: 3 };
    const ids: number[] = [];
    let index = 0;
    for (let step = 1; step <= 300; step += 1) {
      index += 1 + (random.below(4) === 0 ? random.below(100) : 0);
      const choice = random.below(10);
      const id = ids[random.below(Math.max(1, ids.length))] ?? 1;
      const session = { id, sequence: 1 + random.below(20) };
      const response = new Uint8Array(random.below(300)).fill(index);
      for (const table of [first, second]) {
        if (choice === 0) table.open(index, tight);
        else if (choice === 1) table.close(id, index);
        else write(table, session, index, response);
        // What was over at the beginning of the stretch is gone; what is over now has 64 entries.
        expect(table.bytes).toBeLessThanOrEqual(1500 + 64 * (300 + 64));
        expect(table.size).toBeLessThanOrEqual(4);
      }
      if (choice === 0) ids.push(index);
      for (const { key, value } of first.takeChanges()) {
        if (value === undefined) kept.delete(key);
        else kept.set(key, value);
      }
      if (random.below(20) === 0) second = SessionTable.from([...second.freeze()].toReversed());
      const fromKept = SessionTable.from([...kept].map(([key, value]) => ({ key, value })));
      expect(pictureOf(fromKept)).toEqual(pictureOf(first));
      expect(pictureOf(second)).toEqual(pictureOf(first));
    }
  },
);
