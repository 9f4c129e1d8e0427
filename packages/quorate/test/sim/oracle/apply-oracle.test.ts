import { expect, test } from 'vitest';
import type { Entry, LogId } from '../../../src/core/types.ts';
import { encodeSessionEntry } from '../../../src/node/session-entries.ts';
import type { Command, Response } from '../machine.ts';
import { ApplyOracle } from './apply-oracle.ts';
import { codeOf, OracleBench } from './oracle-bench.ts';

const encoder = new TextEncoder();

/** A committed log of commands, and the oracle that watches who applies it. */
class Applying {
  readonly bench = new OracleBench();
  readonly applies = new ApplyOracle(this.bench.ledger);

  commit(command: Command, session?: { id: number; sequence: number }): LogId {
    const bytes = encoder.encode(JSON.stringify(command));
    const data = { bytes, value: undefined, ...(session === undefined ? {} : { session }) };
    return this.#commit({ type: 'command', data });
  }

  open(): LogId {
    const open = {
      type: 'open',
      bounds: { maxSessions: 1, maxSessionBytes: 999, window: 9 },
    } as const;
    return this.#commit({ type: 'session', data: encodeSessionEntry(open) });
  }

  /** What comes of it when `id` applies a command and answers so. */
  apply(id: string, logId: LogId, command: Command, value: Response['value']): string {
    const response = { ok: true, value };
    return codeOf(() =>
      this.applies.onApplied(this.bench.node(id), [{ logId, command }], [response]),
    );
  }

  #commit(payload: Entry['payload']): LogId {
    const { ledger } = this.bench;
    const parent = ledger.committed.at(-1) as LogId;
    const logId = { term: 1, index: parent.index + 1 };
    ledger.tree.make('a', parent, { logId, payload });
    ledger.committed.push(logId);
    return logId;
  }
}

const put = { op: 'put', key: 'x', value: 'one' } as const;
const add = { op: 'add', key: 'n', amount: 2 } as const;

test('two nodes that answer the same are fine, and one that answers otherwise is seen (S9)', () => {
  const it = new Applying();
  const first = it.commit(add);

  expect(it.apply('a', first, add, 2)).toBe('none');
  expect(it.apply('b', first, add, 2)).toBe('none');
  expect(it.apply('c', first, add, 4)).toBe('S9');
});

test('a command that is not committed, or not that of its entry, is seen (S9)', () => {
  const it = new Applying();
  const first = it.commit(put);

  expect(it.apply('a', { term: 1, index: 9 }, put, 'one')).toBe('S9');
  expect(it.apply('a', first, { ...put, value: 'two' }, 'two')).toBe('S9');
});

test('a command that is applied twice, left out, or out of order is seen (S11)', () => {
  const it = new Applying();
  const [first, second] = [it.commit(put), it.commit(add)];

  expect(it.apply('a', first, put, 'one')).toBe('none');
  expect(it.apply('a', first, put, 'one')).toBe('S11');
  expect(it.apply('a', second, add, 2)).toBe('none');
  expect(it.apply('b', second, add, 2)).toBe('S11');
  expect(codeOf(() => it.applies.onAppliedUpTo(it.bench.node('b'), second.index))).toBe('S11');
});

test('a plain command that nobody applies is seen (S11)', () => {
  const it = new Applying();
  it.commit(put);
  const last = it.commit(add);

  expect(it.apply('a', last, add, 2)).toBe('S11');
});

test('a write of a session that takes effect twice is seen (S23)', () => {
  const it = new Applying();
  const { index: id } = it.open();
  const first = it.commit(add, { id, sequence: 1 });
  const again = it.commit(add, { id, sequence: 1 });

  expect(it.apply('a', first, add, 2)).toBe('none');
  expect(it.apply('a', again, add, 4)).toBe('S23');
});

test('a repeated write of a session may have no effect, and a fresh one may not (S23)', () => {
  const it = new Applying();
  const { index: id } = it.open();
  const first = it.commit(add, { id, sequence: 1 });
  const again = it.commit(add, { id, sequence: 1 });
  const node = it.bench.node('a');
  expect(it.apply('a', first, add, 2)).toBe('none');
  expect(codeOf(() => it.applies.onAppliedUpTo(node, again.index))).toBe('none');

  const fresh = it.commit(put, { id, sequence: 2 });
  expect(codeOf(() => it.applies.onAppliedUpTo(node, fresh.index))).toBe('S23');
});

test('a session that ends on one node alone, too early or too late, is seen (S23)', () => {
  const it = new Applying();
  const { index: id } = it.open();
  const kept = it.commit(add, { id, sequence: 1 });
  const next = it.commit(put, { id, sequence: 2 });
  it.open();
  const late = it.commit(add, { id, sequence: 3 });

  expect(it.apply('a', kept, add, 2)).toBe('none');
  expect(it.apply('a', next, put, 'one')).toBe('none');
  expect(codeOf(() => it.applies.onAppliedUpTo(it.bench.node('a'), late.index))).toBe('none');
  // Of two replicas one has it gone too early, the other keeps it too long.
  expect(it.apply('b', next, put, 'one')).toBe('S23');
  expect(it.apply('a', late, add, 4)).toBe('S23');
});

test('what failed for good is watched until the end, whoever applies it (S22)', () => {
  const it = new Applying();
  it.applies.watchFailed(JSON.stringify(add));
  const other = it.commit(put);
  expect(it.apply('a', other, put, 'one')).toBe('none');

  const failed = it.commit(add);
  expect(it.apply('a', failed, add, 2)).toBe('S22');
});

test('a state that is restored or frozen and is not that of its entry is seen (S9, S19)', () => {
  const it = new Applying();
  const first = it.commit(put);
  it.apply('a', first, put, 'one');
  const digest = it.applies.model.digestAt(first.index);
  const node = it.bench.node('b');

  expect(codeOf(() => it.applies.onRestored(node, first, digest))).toBe('none');
  expect(codeOf(() => it.applies.onFrozen(node, digest))).toBe('none');
  expect(codeOf(() => it.applies.onFrozen(node, '1-00000000'))).toBe('S9');
  expect(codeOf(() => it.applies.onRestored(node, first, '1-00000000'))).toBe('S9');
  expect(codeOf(() => it.applies.onRestored(node, { term: 1, index: 9 }, digest))).toBe('S19');
});
