import type { SnapshotMeta } from 'quorate';
import { stateMachineSuite } from 'quorate/testing';
import { describe, expect, test } from 'vitest';
import { encodeCommand } from '../../src/protocol/commands.ts';
import { decodeResults } from '../../src/protocol/results.ts';
import { type Applied, KvStateMachine } from '../../src/store/machine.ts';
import type { Operation } from '../../src/types.ts';
import { bytes, picture, plain, streamOf } from './kit.ts';

function putting(key: string, value: string): Operation {
  return { type: 'put', key: bytes(key), value: bytes(value) };
}

const commands = [
  [{ type: 'leaseGrant', ttl: 5 }, putting('a', '1')],
  [putting('b', '2'), putting('a', '3'), { type: 'leaseGrant', ttl: 6 }],
  [{ type: 'put', key: bytes('c'), value: Buffer.alloc(100_000, 'x'), lease: 1 }],
  [{ type: 'delete', key: bytes('b') }, { type: 'mark' }],
  [{ type: 'compact', revision: 4 }, putting('a', '4')],
  [
    { type: 'leaseRevoke', id: 1 },
    { type: 'leaseGrant', ttl: 7 },
  ],
  [putting('b', '5'), { type: 'compact', revision: 5 }],
] as const satisfies readonly (readonly Operation[])[];

describe('the store as a state machine', () => {
  stateMachineSuite<Uint8Array, Uint8Array>({
    test,
    commands: commands.map((operations) => encodeCommand(operations)),
    open: async () => new KvStateMachine(),
    stateOf: (machine) => {
      if (!(machine instanceof KvStateMachine)) throw new Error('Opened by somebody else.');
      return picture(machine.store);
    },
  });
});

/** Applies commands from an index of the log on. */
function apply(machine: KvStateMachine, from: number, ...all: readonly Operation[][]): unknown {
  const batch = all.map((operations, place) => ({
    logId: { term: 1, index: from + place },
    command: encodeCommand(operations),
  }));
  return plain(machine.apply(batch).map(decodeResults));
}

test('after each batch it is told what that did', () => {
  const told: Applied[] = [];
  const machine = new KvStateMachine({ onApplied: (applied) => told.push(applied) });

  apply(machine, 4, [{ type: 'leaseGrant', id: 3, ttl: 5 }], [putting('a', '1')]);
  const hash = machine.store.hash();
  apply(
    machine,
    6,
    [{ type: 'mark' }, putting('b', '1')],
    [
      { type: 'leaseGrant', id: 4, ttl: 5 },
      { type: 'leaseRevoke', id: 3 },
    ],
    [putting('c', '1')],
  );

  expect(told).toEqual([
    { index: 5, revision: 2, leases: [3], marks: [], restored: false },
    {
      index: 8,
      revision: 4,
      leases: [4, 3],
      marks: [{ index: 6, revision: 2, hash }],
      restored: false,
    },
  ]);
});

test('a lease that was not granted is not told of', () => {
  const told: Applied[] = [];
  const machine = new KvStateMachine({ onApplied: (applied) => told.push(applied) });

  apply(machine, 1, [
    { type: 'leaseRevoke', id: 3 },
    { type: 'leaseGrant', id: 3, ttl: 5 },
    { type: 'leaseGrant', id: 3, ttl: 5 },
  ]);

  expect(told).toMatchObject([{ leases: [3] }]);
});

test('after a restore it is told that anything may have changed', async () => {
  const told: Applied[] = [];
  const other = new KvStateMachine();
  apply(other, 1, [putting('a', '1'), { type: 'leaseGrant', ttl: 5 }]);
  const machine = new KvStateMachine({ onApplied: (applied) => told.push(applied) });
  const membership = { index: 1, voters: [['a']], learners: [], nodes: {} };
  const meta = {
    id: 'one',
    lastLogId: { term: 1, index: 9 },
    membership,
  } as unknown as SnapshotMeta;

  await machine.restore(streamOf(await other.snapshot()), meta);

  expect(told).toEqual([{ index: 9, revision: 2, leases: [], marks: [], restored: true }]);
  expect(machine.store.hash()).toBe(other.store.hash());
});

test('the chunks of a snapshot are one memory, and together what the store writes', async () => {
  const machine = new KvStateMachine();
  const value = new Uint8Array(2000).fill(7);
  for (let at = 1; at <= 200; at += 1) {
    const command = encodeCommand([{ type: 'put', key: Buffer.from(`key-${at}`), value }]);
    machine.apply([{ logId: { term: 1, index: at }, command }]);
  }

  const memories = new Set<ArrayBufferLike>();
  const parts: Uint8Array[] = [];
  for (const chunk of await machine.snapshot()) {
    memories.add(chunk.buffer);
    parts.push(new Uint8Array(chunk));
  }

  expect(parts.length).toBeGreaterThan(3);
  expect(memories.size).toBe(1);
  expect(Buffer.concat(parts)).toEqual(Buffer.concat([...machine.store.snapshot()]));
});
