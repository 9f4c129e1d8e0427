import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CommandWriter,
  decodeCommand,
  encodeCommand,
  putFlags,
  visitCommand,
} from '../../src/protocol/commands.ts';
import type { Operation, PutRequest, TxnRequest } from '../../src/types.ts';
import { operations } from './arbitraries.ts';

const key = Uint8Array.of(107);
const value = Uint8Array.of(1, 2, 3);
const noBytes = new Uint8Array(0);
const invalid = { name: 'KvError', code: 'KV_INVALID' };

function nested(depth: number): TxnRequest {
  const inside = depth <= 1 ? [] : [{ type: 'txn' as const, ...nested(depth - 1) }];
  return { compare: [], then: inside, else: [] };
}

function bytesOf(count: number, byte: number): Uint8Array {
  return new Uint8Array(count).fill(byte);
}

/** A command of one operation that has these bytes. */
function commandOf(...bytes: readonly number[]): Uint8Array {
  return Uint8Array.of(1, 1, 0, 0, 0, ...bytes);
}

describe('a command', () => {
  test('holds any operations, and gives them back', () => {
    fc.assert(
      fc.property(operations, (drawn) => {
        expect(decodeCommand(encodeCommand(drawn))).toEqual(drawn);
      }),
      { numRuns: 1000 },
    );
  });

  test('is written the same from the memory of others, wherever it lies there', () => {
    fc.assert(
      fc.property(operations, fc.nat(20), (drawn, offset) => {
        const command = encodeCommand(drawn);
        const memory = new Uint8Array(command.length + 2 * offset).fill(0xa5);
        memory.set(command, offset);

        const moved = decodeCommand(memory.subarray(offset, offset + command.length));

        expect(moved).toEqual(drawn);
        expect(encodeCommand(moved)).toEqual(command);
      }),
    );
  });

  test('leaves out what means nothing', () => {
    const range = { type: 'range' as const, key, end: noBytes, limit: 0, minModRevision: 0 };
    const written = encodeCommand([
      { type: 'put', key, value, lease: 0, previous: false, ignoreValue: false },
      { type: 'delete', key, end: noBytes, previous: false },
      { type: 'txn', compare: [], then: [range], else: [] },
      { type: 'leaseGrant', id: 0, ttl: 1 },
    ]);

    expect(decodeCommand(written)).toEqual([
      { type: 'put', key, value },
      { type: 'delete', key },
      { type: 'txn', compare: [], then: [{ type: 'range', key }], else: [] },
      { type: 'leaseGrant', ttl: 1 },
    ]);
  });

  test('has the oldest version that knows all that is in it', () => {
    const writer = new CommandWriter();
    const revoke: Operation = { type: 'leaseRevoke', id: 7, grantedAt: 9 };

    writer.put({ key, value });
    writer.add(revoke);
    writer.add({ type: 'mark' });
    const newer = writer.finish();
    writer.add({ type: 'leaseRevoke', id: 7 });
    const older = writer.finish();

    expect([newer[0], older[0]]).toEqual([2, 1]);
    expect(decodeCommand(newer)).toEqual([{ type: 'put', key, value }, revoke, { type: 'mark' }]);
  });

  test('of a put takes ten bytes besides key and value, and eight more for a lease', () => {
    const plain = encodeCommand([{ type: 'put', key, value }]);
    const leased = encodeCommand([{ type: 'put', key, value, lease: 7 }]);

    expect(plain.length).toBe(5 + 10 + key.length + value.length);
    expect(leased.length).toBe(plain.length + 8);
  });
});

describe('a visitor', () => {
  test('is told where a put lies, always with the same object', () => {
    const command = encodeCommand([
      { type: 'put', key, value, previous: true, lease: 2 ** 40 },
      { type: 'mark' },
      { type: 'put', key: Uint8Array.of(1, 2), value: noBytes, ignoreValue: true },
    ]);
    const told: unknown[] = [];
    const places = new Set<object>();

    visitCommand(command, {
      put: (bytes, at) => {
        places.add(at);
        const { flags, keyAt, keyEnd, valueEnd, lease } = at;
        told.push([flags, [...bytes.subarray(keyAt, keyEnd)], valueEnd - keyEnd, lease]);
      },
      other: (operation) => told.push(operation),
    });

    expect(told).toEqual([
      [putFlags.previous | putFlags.lease, [...key], 3, 2 ** 40],
      { type: 'mark' },
      [putFlags.ignoreValue, [1, 2], 0, 0],
    ]);
    expect(places.size).toBe(1);
  });

  test('sees the bytes of the command itself, without a copy', () => {
    const command = encodeCommand([{ type: 'put', key, value }]);

    visitCommand(command, {
      put: (bytes, { keyEnd }) => {
        bytes[keyEnd] = 99;
      },
      other: () => undefined,
    });

    expect(decodeCommand(command)).toEqual([{ type: 'put', key, value: Uint8Array.of(99, 2, 3) }]);
  });

  test('that throws ends the walk with what it threw', () => {
    const command = encodeCommand([{ type: 'put', key, value }]);
    const visit = (): void =>
      visitCommand(command, {
        put: () => {
          throw new TypeError('mine');
        },
        other: () => undefined,
      });

    expect(visit).toThrow(new TypeError('mine'));
  });
});

describe('a writer of commands', () => {
  test('makes one command after the other, and never writes into an earlier one', () => {
    fc.assert(
      fc.property(fc.array(operations, { maxLength: 6 }), (commands) => {
        const writer = new CommandWriter();
        const written = commands.map((all) => {
          for (const operation of all) {
            if (operation.type === 'put') writer.put(operation);
            else writer.add(operation);
          }
          expect(writer.count).toBe(all.length);
          const { byteLength } = writer;
          const command = writer.finish();
          expect(command.length).toBe(byteLength);
          expect(writer.count).toBe(0);
          return command;
        });
        expect(written.map(decodeCommand)).toEqual(commands);
      }),
    );
  });

  test('grows to what is put, and keeps commands of all sizes apart', () => {
    const writer = new CommandWriter();
    const sizes = [10, 70_000, 300, 2_000_000, 40_000, 3, 65_536];
    const written = sizes.map((size, number) => {
      writer.put({ key, value: new Uint8Array(size).fill(number) });
      return writer.finish();
    });

    const values = written.map((command) => (decodeCommand(command)[0] as PutRequest).value);

    expect(values.map(({ length }) => length)).toEqual(sizes);
    for (const [number, bytes] of values.entries()) {
      expect(bytes.every((byte) => byte === number)).toBe(true);
    }
  });

  test('keeps no more memory alive with a command than twice its bytes', () => {
    const writer = new CommandWriter();
    for (let round = 0; round < 3; round += 1) {
      writer.put({ key, value: new Uint8Array(50_000) });
      writer.finish();
      writer.put({ key, value });

      const command = writer.finish();

      expect(command.buffer.byteLength).toBeLessThanOrEqual(2 * command.length);
    }
  });

  test.each<[string, Operation]>([
    ['a key without bytes', { type: 'put', key: noBytes, value }],
    ['a value that is to be kept', { type: 'put', key, value, ignoreValue: true }],
    ['a lease that is to be kept', { type: 'put', key, value, ignoreLease: true, lease: 1 }],
    ['a lease below zero', { type: 'put', key, value, lease: -1 }],
    ['a lease with a fraction', { type: 'put', key, value, lease: 1.5 }],
    ['a revision beyond 2^53', { type: 'compact', revision: 2 ** 53 }],
    ['a lease that does not live', { type: 'leaseGrant', ttl: 0 }],
    ['a delete of no key', { type: 'delete', key: noBytes }],
    ['transactions that nest too deep', { type: 'txn', ...nested(9) }],
    ['a type that there is not', { type: 'rename' } as unknown as Operation],
    [
      'a target of sorting that there is not',
      {
        type: 'txn',
        compare: [],
        then: [{ type: 'range', key, sort: { target: 'size' as 'key', order: 'ascend' } }],
        else: [],
      },
    ],
  ])('refuses %s, and the others of the command go on', (_what, operation) => {
    const good: Operation = { type: 'put', key, value };
    for (const before of [0, 1]) {
      const writer = new CommandWriter();
      for (let put = 0; put < before; put += 1) writer.put(good);

      expect(() => writer.add(operation)).toThrow(expect.objectContaining(invalid));
      const put = (): void => {
        if (operation.type === 'put') writer.put(operation);
        else writer.add(operation);
      };
      expect(put).toThrow(expect.objectContaining(invalid));

      expect(writer.count).toBe(before);
      writer.put(good);
      expect(decodeCommand(writer.finish())).toHaveLength(before + 1);
    }
  });

  test('takes transactions that nest eight deep', () => {
    const deepest: Operation = { type: 'txn', ...nested(8) };

    expect(decodeCommand(encodeCommand([deepest]))).toEqual([deepest]);
  });

  test('refuses to finish a command without an operation', () => {
    expect(() => new CommandWriter().finish()).toThrow(expect.objectContaining(invalid));
  });
});

describe('bytes that are no command are refused:', () => {
  test.each<[string, Uint8Array, string]>([
    ['nothing', noBytes, 'at byte 0'],
    ['another version', Uint8Array.of(3, 0, 0, 0, 0), 'its version is 3, and 1 to 2 are known'],
    ['what version 1 does not know', commandOf(9, ...bytesOf(16, 1)), 'number 9'],
    ['a grant at 0', Uint8Array.of(2, 1, 0, 0, 0, 9, ...bytesOf(16, 0)), 'has the index 0'],
    ['no operation', Uint8Array.of(1, 0, 0, 0, 0), 'at least one operation'],
    ['an unknown operation', commandOf(99), 'in part 0, at byte 6, there is no operation with the'],
    ['a read outside of a transaction', commandOf(8, 0, 0, 1, 0, 0, 0, 107), 'number 8'],
    ['unknown flags of a put', commandOf(1, 16, 1, 0, 0, 0, 0, 0, 0, 0, 107), 'flags'],
    ['unknown flags of a delete', commandOf(2, 4, 1, 0, 0, 0, 107), 'flags'],
    ['a key without bytes', commandOf(1, 0, 0, 0, 0, 0, 0, 0, 0, 0), 'a key has no bytes'],
    ['a key that is too long', commandOf(1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 107), 'takes 5 bytes'],
    ['a cut head', commandOf(1, 0, 5, 0), 'a put takes 9 bytes, and 3 are left'],
    ['what follows', commandOf(7, 7), '1 more bytes follow'],
    [
      'a value that is to be kept',
      commandOf(1, 2, 1, 0, 0, 0, 1, 0, 0, 0, 107, 1),
      'keeps the val',
    ],
    ['a lease of 0', commandOf(1, 8, 1, 0, 0, 0, ...bytesOf(12, 0), 107), 'a lease of 0'],
    ['a lease to keep', commandOf(1, 12, 1, 0, 0, 0, ...bytesOf(12, 0), 107), 'keeps the lease'],
    ['the number 2^53', commandOf(4, 0, 0, 0, 0, 0, 0, 32, 0), 'larger than 2^53 - 1'],
    ['a number beyond 2^53', commandOf(4, ...bytesOf(8, 255)), 'larger than 2^53 - 1'],
    ['an end without bytes', commandOf(2, 1, 1, 0, 0, 0, 107, 0, 0, 0, 0), 'end of a range has no'],
    ['a lease that does not live', commandOf(5, ...bytesOf(16, 0)), 'at least 1 s'],
    ['comparisons that are not there', commandOf(3, 255, 255, 255, 255), 'claims 4294967295'],
    ['more operations than bytes', Uint8Array.of(1, 9, 0, 0, 0, 7), 'claims 9 operations'],
  ])('%s', (_what, bytes, part) => {
    const decode = (): unknown => decodeCommand(bytes);

    expect(decode).toThrow(expect.objectContaining(invalid));
    expect(decode).toThrow(part);
  });

  test('transactions that nest too deep, which no writer makes', () => {
    const empty = [0, 0, 0, 0];
    const opening = [3, ...empty, 1, 0, 0, 0];
    const ending = Array.from({ length: 9 }, () => empty).flat();
    const eight = Array.from({ length: 8 }, () => opening).flat();

    const decode = (): unknown =>
      decodeCommand(commandOf(...eight, 3, ...empty, ...empty, ...ending));

    expect(decode).toThrow('nest deeper than 8');
  });

  test('every beginning of one', () => {
    fc.assert(
      fc.property(operations, (drawn) => {
        const command = encodeCommand(drawn);
        for (let length = 0; length < command.length; length += 1) {
          expect(() => decodeCommand(command.subarray(0, length))).toThrow(
            expect.objectContaining(invalid),
          );
        }
      }),
      { numRuns: 30 },
    );
  });

  test('and the refusal names part and byte for programs', () => {
    const command = Uint8Array.of(...encodeCommand([{ type: 'mark' }, { type: 'mark' }]));
    command[6] = 42;

    expect(() => decodeCommand(command)).toThrow(
      expect.objectContaining({ details: { part: 1, byte: 7 } }),
    );
  });
});
