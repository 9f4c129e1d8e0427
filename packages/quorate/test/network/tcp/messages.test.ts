import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entrySize } from '../../../src/contract/entry-codec.ts';
import type { AppendEntriesRequest } from '../../../src/core/message.ts';
import type { Entry, Payload } from '../../../src/core/types.ts';
import { OverloadedError } from '../../../src/errors.ts';
import { ChannelError, readFailure, writeFailure } from '../../../src/network/tcp/failure.ts';
import { WireFormatError } from '../../../src/network/tcp/fields.ts';
import { gatherBytes } from '../../../src/network/tcp/frame.ts';
import { readHello } from '../../../src/network/tcp/handshake-messages.ts';
import {
  type Method,
  type Requests,
  readCredit,
  readRequest,
  readResponse,
  writeChannelRequest,
  writeCredit,
  writeRequest,
  writeResponse,
} from '../../../src/network/tcp/messages.ts';
import { commonVersion } from '../../../src/network/tcp/version.ts';
import { joined } from './golden-frames.ts';

const text = new TextEncoder();

function there<M extends Method>(method: M, request: Requests[M]): unknown {
  return readRequest(joined(writeRequest(method, request)));
}

function appending(entries: readonly Entry[]): AppendEntriesRequest {
  return { term: 3, leader: 'a', previous: { term: 2, index: 4 }, entries, committed: 4 };
}

function command(bytes: Uint8Array, index = 5): Entry {
  return {
    logId: { term: 3, index },
    payload: { type: 'command', data: { bytes, value: undefined } },
  };
}

function body(kind: number, json: unknown): Uint8Array {
  return joined([Uint8Array.of(kind), text.encode(JSON.stringify(json))]);
}

const whole = fc.maxSafeNat();
const logId = fc.record({ term: whole, index: whole });
const name = fc.string({ unit: 'grapheme', maxLength: 40 });
const size = fc.constantFrom(0, 1, 30, 256, gatherBytes - 1, gatherBytes, 20_000);
const content = fc
  .tuple(size, fc.nat(255))
  .map(([length, fill]) => new Uint8Array(length).fill(fill));
const session = fc.record({ id: whole, sequence: whole });
const data = fc.record(
  { bytes: content, raw: fc.constant(true as const), session, value: fc.constant(undefined) },
  { requiredKeys: ['bytes', 'value'] },
);
const payload: fc.Arbitrary<Payload> = fc.oneof(
  fc.record({ type: fc.constant('command' as const), data }),
  fc.record({ type: fc.constant('session' as const), data: content }),
  fc.constant({ type: 'blank' as const }),
  fc.record({
    type: fc.constant('membership' as const),
    membership: fc.record({
      cluster: name,
      voters: fc.array(fc.array(name, { maxLength: 3 }), { maxLength: 2 }),
      nodes: fc.dictionary(name, fc.record({ address: name }, { requiredKeys: [] })),
    }),
  }),
);
const append = fc.record({
  term: whole,
  leader: name,
  previous: logId,
  entries: fc.array(fc.record({ logId, payload }), { maxLength: 12 }),
  committed: whole,
});
const forward = fc.record(
  {
    command: content,
    raw: fc.constant(true as const),
    session,
    repeated: fc.constant(true as const),
    entry: fc.constant('session' as const),
  },
  { requiredKeys: ['command'] },
);
const vote = fc.record({
  term: whole,
  candidate: name,
  lastLogId: logId,
  preVote: fc.boolean(),
  transfer: fc.boolean(),
});

describe('A message', () => {
  it('is on the other side what it was on this one', () => {
    fc.assert(
      fc.property(append, forward, vote, (one, two, three) => {
        expect(there('appendEntries', one)).toEqual({ method: 'appendEntries', request: one });
        expect(there('forward', two)).toEqual({ method: 'forward', request: two });
        expect(there('requestVote', three)).toEqual({ method: 'requestVote', request: three });
      }),
      { numRuns: 300 },
    );
  });

  it('is not written over by those after it, which share its memory', () => {
    const written = Array.from({ length: 3000 }, (_, index) =>
      writeResponse('appendEntries', { term: 1, accepted: true, match: index }),
    );

    const read = written.map((parts) => readResponse('appendEntries', joined(parts)));

    expect(read.map((one) => (one.accepted ? one.match : -1))).toEqual([...written.keys()]);
  });

  it('with more after its end is refused', () => {
    const more = Uint8Array.of(0);
    const granted = writeResponse('requestVote', { term: 1, granted: true });
    expect(() => readResponse('requestVote', joined([...granted, more]))).toThrow(
      'These 10 bytes are no answer to requestVote: It ends after 9 bytes, and 1 more follow.',
    );
    expect(() => readCredit(joined([...writeCredit(7), more]))).toThrow(WireFormatError);
    expect(() => readRequest(joined([...writeRequest('identify', undefined), more]))).toThrow(
      WireFormatError,
    );
  });

  it('of an unknown method, kind or flag is refused', () => {
    expect(() => readRequest(Uint8Array.of(10))).toThrow(/There is no method 10/);
    expect(() => readRequest(Uint8Array.of(5, 2))).toThrow(/no read of kind 2/);
    expect(() => readRequest(Uint8Array.of(255, 2, 0, 0))).toThrow(/no call of kind 2/);
    expect(() => readRequest(Uint8Array.of(6, 16))).toThrow(/no such flags: 16/);
    expect(() => readResponse('requestVote', Uint8Array.of(2))).toThrow(/1 or 0; got 2/);
  });
});

describe('A name in a message', () => {
  const timeoutNow = (leader: string): unknown => there('timeoutNow', { term: 1, leader });
  const read = (leader: string): unknown => ({
    method: 'timeoutNow',
    request: { term: 1, leader },
  });

  it('arrives as it is, whatever characters it has', () => {
    const names = ['', 'a', '\uFEFFmarked', 'ÿ', '節点', '🦀'.repeat(9), 'x'.repeat(65_535)];
    for (const one of names) expect(timeoutNow(one)).toEqual(read(one));
  });

  it('is refused where it is written if it would arrive as another one', () => {
    expect(() => timeoutNow('\uD800')).toThrow(/must be well-formed; got "\\ud800"/);
    expect(() => timeoutNow('x'.repeat(65_536))).toThrow(/at most 65535 bytes/);
    expect(() => timeoutNow('é'.repeat(40_000))).toThrow(/at most 65535 bytes/);
  });

  it('that claims more bytes than there are is refused', () => {
    const [parts = new Uint8Array(0)] = writeRequest('timeoutNow', { term: 1, leader: 'ab' });

    expect(() => readRequest(parts.subarray(0, -1))).toThrow(
      'These 12 bytes are no question: It claims 2 bytes at 11, and 1 are left.',
    );
  });

  it('that is no UTF-8 is refused', () => {
    const [parts = new Uint8Array(0)] = writeRequest('timeoutNow', { term: 1, leader: 'é' });
    const broken = parts.slice();
    broken[broken.length - 1] = 0x20;

    expect(() => readRequest(broken)).toThrow(WireFormatError);
  });
});

describe('A run of entries', () => {
  it('passes large payloads on without a copy, and copies the small ones together', () => {
    const [large, larger] = [new Uint8Array(gatherBytes), new Uint8Array(2 ** 26)];
    const small = new Uint8Array(gatherBytes - 1);

    const parts = writeRequest(
      'appendEntries',
      appending([command(small, 5), command(large, 6), command(small, 7), command(larger, 8)]),
    );

    expect(parts).toHaveLength(4);
    expect(parts[1]).toBe(large);
    expect(parts[3]).toBe(larger);
    // What the message takes for itself has no room for them.
    expect(parts[0]?.buffer.byteLength).toBeLessThan(2 ** 17);
  });

  it('is read into views of the message', () => {
    const message = joined(
      writeRequest(
        'appendEntries',
        appending([command(text.encode('one')), command(text.encode('two'), 6)]),
      ),
    );

    const { request } = readRequest(message) as { request: AppendEntriesRequest };

    const payloads = request.entries.map((entry) =>
      entry.payload.type === 'command' ? entry.payload.data.bytes : undefined,
    );
    expect(payloads.map((one) => String.fromCharCode(...(one ?? [])))).toEqual(['one', 'two']);
    expect(payloads.every((one) => one?.buffer === message.buffer)).toBe(true);
  });

  it('that claims more than there is is refused before any memory is taken', () => {
    const bytes = joined(writeRequest('appendEntries', appending([command(new Uint8Array(9))])));
    const countAt = bytes.length - 4 - entrySize(command(new Uint8Array(9)));
    const view = new DataView(bytes.buffer);
    for (const count of [2, 1000, 2 ** 32 - 1]) {
      view.setUint32(countAt, count, true);
      expect(() => readRequest(bytes)).toThrow(/It claims \d+ entries, and 33 bytes are left/);
    }
    view.setUint32(countAt, 1, true);
    view.setUint32(countAt + 4, 2 ** 32 - 1, true);
    expect(() => readRequest(bytes)).toThrow(/cut off in its payload/);
  });

  it('with a membership that is none is refused', () => {
    for (const membership of [
      null,
      [],
      { cluster: 'c' },
      { cluster: 'c', voters: [1], nodes: {} },
    ]) {
      const entry = { logId: { term: 3, index: 5 }, payload: { type: 'membership', membership } };
      // What another program may send.
      const sent = writeRequest('appendEntries', appending([entry as unknown as Entry]));
      expect(() => readRequest(joined(sent))).toThrow(/no question: membership.* must be/);
    }
  });
});

describe('A call of an application', () => {
  it('names its channel, and passes its bytes on without a copy', () => {
    const bytes = new Uint8Array(3);

    const parts = writeChannelRequest('käse', 'stream', bytes);

    expect(parts.at(-1)).toBe(bytes);
    expect(readRequest(joined(parts))).toEqual({
      method: 'channel',
      channel: 'käse',
      kind: 'stream',
      bytes,
    });
  });
});

describe('A failure', () => {
  const told = (error: unknown): Error => readFailure(joined(writeFailure(error)));

  it('of a later version is unreachable, and says what that version said', () => {
    expect(readFailure(body(1, { code: 'RAFT_NEW', message: 'Hm.', maybeApplied: true }))).toEqual(
      expect.objectContaining({
        code: 'RAFT_UNREACHABLE',
        message: 'The other side answered with RAFT_NEW: Hm.',
        maybeApplied: true,
      }),
    );
    expect(() => readFailure(body(5, { code: 'X', message: '' }))).toThrow(/no failure of kind 5/);
    expect(() => readFailure(body(2, { code: 'X' }))).toThrow(/failure.message must be a string/);
  });

  it('of an application keeps its code and message when its details cannot be told', () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    for (const details of [cycle, 1n, () => 1]) {
      expect(told(new ChannelError('C', 'No.', { details }))).toEqual(
        expect.objectContaining({ code: 'C', message: 'No.', details: undefined }),
      );
    }
    const long = told(new ChannelError('C', 'No.', { details: 'x'.repeat(70_000) }));
    expect(long.message).toBe('No. (Its details are left out: 70002 characters of JSON.)');
    expect(long).toEqual(expect.objectContaining({ code: 'C', details: undefined }));
  });

  it('keeps what an error of the library says of the write', () => {
    const error = told(new OverloadedError('Full.', { maybeApplied: true }));

    expect(error).toBeInstanceOf(OverloadedError);
    expect(error).toEqual(expect.objectContaining({ message: 'Full.', maybeApplied: true }));
  });

  it('is written for whatever is thrown, and never longer than a bound', () => {
    const thrown = [undefined, null, 7, Object.create(null), Symbol('s'), 'text', new Error('')];
    for (const one of thrown) {
      expect(told(one)).toEqual(expect.objectContaining({ code: 'RAFT_UNREACHABLE' }));
    }
    for (const Kind of [Error, OverloadedError]) {
      expect(joined(writeFailure(new Kind('x'.repeat(2 ** 20)))).length).toBeLessThan(5000);
    }
  });
});

describe('A handshake', () => {
  const start = [0x51, 0x52, 0x54, 0];

  it('is refused if it is none', () => {
    const json = text.encode('{}');
    const hello = (...bytes: number[]): Uint8Array => joined([Uint8Array.from(bytes), json]);
    expect(readHello(hello(...start, 1, 0, 9, 0, 0))).toEqual({
      minVersion: 1,
      maxVersion: 9,
      lane: 'main',
    });
    expect(() => readHello(hello(0x51, 0x52, 0x55, 0, 1, 0, 1, 0, 0))).toThrow(/begin with "QRT"/);
    expect(() => readHello(hello(...start, 2, 0, 1, 0, 0))).toThrow(/no versions from 2 to 1/);
    expect(() => readHello(hello(...start, 0, 0, 1, 0, 0))).toThrow(/no versions from 0 to 1/);
    expect(() => readHello(hello(...start, 1, 0, 1, 0, 2))).toThrow(/no lane 2/);
  });

  it('agrees on the highest version that both know, if there is one', () => {
    const range = (minVersion: number, maxVersion: number) => ({ minVersion, maxVersion });
    expect(commonVersion(range(1, 1), range(1, 1))).toBe(1);
    expect(commonVersion(range(1, 3), range(2, 9))).toBe(3);
    expect(commonVersion(range(2, 9), range(1, 3))).toBe(3);
    expect(commonVersion(range(1, 2), range(3, 4))).toBeUndefined();
    expect(commonVersion(range(3, 4), range(1, 2))).toBeUndefined();
  });
});
