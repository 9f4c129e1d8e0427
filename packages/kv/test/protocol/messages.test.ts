import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeCommand } from '../../src/protocol/commands.ts';
import {
  callKinds,
  decodeKeepAlive,
  decodeKeptAlive,
  decodeRangeCall,
  decodeWrite,
  encodeKeepAlive,
  encodeKeptAlive,
  encodeRangeCall,
  encodeWrite,
  mostKeptAlive,
} from '../../src/protocol/messages.ts';
import {
  decodeRareAnswer,
  decodeRareCall,
  decodeWatchStream,
  encodeRareAnswer,
  encodeRareCall,
  encodeWatchStream,
  type RareMethod,
  type RareMethods,
} from '../../src/protocol/rare-calls.ts';
import { mostWatchNumber } from '../../src/protocol/watching.ts';
import { key, operations, rangeRequest, u53, watchRequest } from './arbitraries.ts';

const invalid: unknown = expect.objectContaining({ code: 'KV_INVALID' });
const broken: unknown = expect.objectContaining({ code: 'KV_INTERNAL' });
const stream = 'abcdefghijklmnop';

describe('a call', () => {
  test('that writes brings its command, with or without a session', () => {
    const sequence = u53.filter((number) => number > 0);
    const session = fc.option(fc.record({ id: sequence, sequence }), { nil: undefined });

    fc.assert(
      fc.property(session, operations, (drawn, all) => {
        const command = encodeCommand(all);
        const call = encodeWrite(drawn, command);
        expect(call[0]).toBe(callKinds.write);
        expect(decodeWrite(call)).toEqual({ session: drawn, command });
      }),
    );
  });

  test('that writes is refused with half of a session, or less than that', () => {
    const whole = encodeWrite({ id: 5, sequence: 6 }, encodeCommand([{ type: 'mark' }]));
    const noSequence = whole.slice().fill(0, 9, 17);
    const noSession = whole.slice().fill(0, 1, 9);

    expect(() => decodeWrite(noSequence)).toThrow('begin with 1');
    expect(() => decodeWrite(noSession)).toThrow('names no session');
    expect(() => decodeWrite(whole.subarray(0, 16))).toThrow(invalid);
  });

  test('that reads brings its reads, and how they are meant', () => {
    fc.assert(
      fc.property(fc.array(rangeRequest), fc.boolean(), (requests, serializable) => {
        const call = encodeRangeCall({ requests, serializable });
        expect(call[0]).toBe(callKinds.range);
        expect(decodeRangeCall(call)).toEqual({ requests, serializable });
      }),
    );
    expect(() => decodeRangeCall(Uint8Array.of(2, 2, 1, 0, 0, 0, 0))).toThrow(invalid);
  });

  test('that keeps leases alive brings them, and is answered by their times', () => {
    fc.assert(
      fc.property(fc.array(u53), (numbers) => {
        expect(decodeKeepAlive(encodeKeepAlive(numbers))).toEqual(numbers);
        expect(decodeKeptAlive(encodeKeptAlive(numbers))).toEqual(numbers);
      }),
    );
    const tooMany = encodeKeepAlive(Array.from({ length: mostKeptAlive + 1 }, () => 1));
    expect(() => decodeKeepAlive(tooMany)).toThrow(invalid);
    expect(() => decodeKeptAlive(Uint8Array.of(9, 0, 0, 0))).toThrow(broken);
  });
});

describe('a rare call', () => {
  const watch = fc.nat(mostWatchNumber);
  const calls: { [Method in RareMethod]: fc.Arbitrary<RareMethods[Method]['params']> } = {
    openSession: fc.constant({}),
    closeSession: fc.record({ id: u53 }),
    leases: fc.constant({}),
    leaseTimeToLive: fc.record({ id: u53, keys: fc.boolean() }),
    status: fc.constant({}),
    hash: fc.constant({}),
    transferLeadership: fc.oneof(fc.constant({}), fc.record({ to: fc.string() })),
    memberAdd: fc.record(
      { id: fc.string(), address: fc.string(), voter: fc.boolean() },
      { requiredKeys: ['id', 'address'] },
    ),
    memberPromote: fc.record({ id: fc.string(), insteadOf: fc.string() }, { requiredKeys: ['id'] }),
    memberRemove: fc.record({ id: fc.string(), force: fc.boolean() }, { requiredKeys: ['id'] }),
    watch: fc.record({ stream: fc.constant(stream), watch, request: watchRequest }),
    unwatch: fc.record({ stream: fc.constant(stream), watch }),
  };

  test.each(Object.keys(calls) as RareMethod[])('%s is read as it was written', (method) => {
    fc.assert(
      fc.property(calls[method] as fc.Arbitrary<never>, (params) => {
        const call = encodeRareCall(method, params);
        expect(call[0]).toBe(callKinds.rare);
        expect(decodeRareCall(call)).toEqual({ method, params });
      }),
    );
  });

  test.each<[string, string]>([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['no method', '{}'],
    ['a method that there is not', '{"method":"drop"}'],
    ['the name of a method of objects', '{"method":"toString"}'],
    ['a field that nobody knows', '{"method":"status","params":{"verbose":true}}'],
    ['another field beside', '{"method":"status","id":1}'],
    ['a lease that is no number', '{"method":"leaseTimeToLive","params":{"id":"7"}}'],
    ['a member without an address', '{"method":"memberAdd","params":{"id":"d"}}'],
    ['a wish that is no yes or no', '{"method":"memberRemove","params":{"id":"d","force":"1"}}'],
    ['a member with a disk', '{"method":"memberPromote","params":{"id":"d","disk":1}}'],
    ['a session below zero', '{"method":"closeSession","params":{"id":-1}}'],
    ['a stream that can be guessed', '{"method":"unwatch","params":{"stream":"a","watch":1}}'],
    ['a watch without a key', `{"method":"watch","params":{"stream":"${stream}","watch":1}}`],
    [
      'a key that is no base64',
      `{"method":"watch","params":{"stream":"${stream}","watch":1,"request":{"key":"!"}}}`,
    ],
    [
      'a key without bytes',
      `{"method":"watch","params":{"stream":"${stream}","watch":1,"request":{"key":""}}}`,
    ],
  ])('with %s is refused', (_what, json) => {
    const call = Uint8Array.of(callKinds.rare, ...new TextEncoder().encode(json));

    expect(() => decodeRareCall(call)).toThrow(invalid);
  });

  test('is refused when it is no UTF-8', () => {
    expect(() => decodeRareCall(Uint8Array.of(4, 0xff))).toThrow(invalid);
  });
});

describe('an answer to a rare call', () => {
  const status = {
    cluster: 'c',
    member: 'a',
    version: '1',
    role: 'leader',
    leader: 'a',
    term: 3,
    revision: 4,
    compactedRevision: 1,
    keys: 2,
    leases: 0,
    watchers: 1,
    lastLogIndex: 9,
    committed: 9,
    applied: 9,
    members: [{ id: 'a', role: 'voter' as const, peerAddress: 'h:1', clientAddress: 'h:1' }],
    isServing: true,
    problems: ['disk is full'],
    alerts: [
      {
        code: 'disk-full' as const,
        severity: 'error' as const,
        member: 'a',
        message: 'Nothing is free.',
        advice: 'Make room.',
      },
    ],
    disk: { freeBytes: 0, lowBytes: 1024, logBytes: 7, snapshotBytes: 8 },
  };
  const answers: { [Method in RareMethod]: RareMethods[Method]['answer'] } = {
    openSession: 12,
    closeSession: undefined,
    leases: [1, 2 ** 50],
    leaseTimeToLive: { id: 7, remaining: 1.25, ttl: 60, keys: [Uint8Array.of(0, 255)] },
    status,
    hash: { revision: 5, hash: '00ff' },
    transferLeadership: undefined,
    memberAdd: { changed: true, members: status.members },
    memberPromote: { changed: false, members: [] },
    memberRemove: { changed: true, members: status.members },
    watch: { from: 8 },
    unwatch: undefined,
  };

  test.each(Object.keys(answers) as RareMethod[])('%s is read as it was written', (method) => {
    const written = encodeRareAnswer(method, answers[method]);

    expect(decodeRareAnswer(method, written)).toEqual(answers[method]);
  });

  test('says that there is no leader by leaving it out', () => {
    const written = encodeRareAnswer('status', { ...status, leader: undefined });

    expect(decodeRareAnswer('status', written).leader).toBeUndefined();
  });

  test.each<[RareMethod, string]>([
    ['openSession', '{}'],
    ['leases', '{"leases":["1"]}'],
    ['leaseTimeToLive', '{"id":1,"remaining":1,"ttl":2,"keys":["!"]}'],
    ['status', '{"status":{"member":"a","revision":1,"problems":[],"members":[{}]}}'],
    ['hash', '{"revision":1}'],
    ['hash', 'null'],
  ])('%s that is none is a failure of the server', (method, json) => {
    expect(() => decodeRareAnswer(method, new TextEncoder().encode(json))).toThrow(broken);
  });
});

describe('a request for a stream of watches', () => {
  test('is read as it was written', () => {
    const opened = fc.record({ watch: fc.nat(mostWatchNumber), request: watchRequest });

    fc.assert(
      fc.property(fc.array(opened), (watches) => {
        const bytes = encodeWatchStream({ stream, watches });
        expect(decodeWatchStream(bytes)).toEqual({ stream, watches });
      }),
    );
  });

  test('names what is wrong with one of its watches', () => {
    const json = { stream, watches: [{ watch: 1, request: { key: 'aw==', from: -1 } }] };
    const bytes = new TextEncoder().encode(JSON.stringify(json));

    expect(() => decodeWatchStream(bytes)).toThrow(
      'watches[0].request.from must be a whole number from 0 to 9007199254740991; got -1',
    );
  });

  test('is refused with a number that is no number of a watch', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(-1, 0.5, 2 ** 32), fc.string()), key, (watch, at) => {
        const request = { key: Buffer.from(at).toString('base64') };
        const json = JSON.stringify({ stream, watches: [{ watch, request }] });
        expect(() => decodeWatchStream(new TextEncoder().encode(json))).toThrow(invalid);
      }),
    );
  });
});
