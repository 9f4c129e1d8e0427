import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readFailure } from '../../../src/network/tcp/failure.ts';
import { WireFormatError } from '../../../src/network/tcp/fields.ts';
import { type Frame, FrameError } from '../../../src/network/tcp/frame.ts';
import { FrameReader } from '../../../src/network/tcp/frame-reader.ts';
import {
  readHello,
  readSpeaker,
  readWelcome,
} from '../../../src/network/tcp/handshake-messages.ts';
import {
  type Method,
  methodNumbers,
  readCredit,
  readRequest,
  readResponse,
} from '../../../src/network/tcp/messages.ts';
import { bytesOf, type GoldenFrame, goldenFrames, joined } from './golden-frames.ts';

const maxBodyBytes = 32 * 1024;
const golden = goldenFrames.map((one) => ({ ...one, bytes: bytesOf(one) }));
/** More than any frame that is allowed may lack. */
const filling = new Uint8Array(maxBodyBytes);

/** What came out of the chunks: the frames, and the error that ended it. */
function outcome(chunks: readonly Uint8Array[]): { frames: Frame[]; error?: FrameError } {
  const reader = new FrameReader({ maxBodyBytes });
  const frames: Frame[] = [];
  try {
    for (const chunk of chunks) reader.push(chunk, (frame) => frames.push(frame));
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    return { frames, error };
  }
  return { frames };
}

function split(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places, bytes.length];
  return ends.map((end, at) => bytes.subarray(at === 0 ? 0 : ends[at - 1], end));
}

function frameOf({ type, call, body }: GoldenFrame): Frame {
  return { type, group: 0, call, body: joined(body) };
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
  return copy;
}

function summary(frames: readonly Frame[]): string {
  return frames
    .map(({ type, call, body }) => [type, call, Buffer.from(body).toString('hex')])
    .join();
}

describe('The frames of a connection', () => {
  const stream = joined(golden.map(({ bytes }) => bytes));
  const wanted = goldenFrames.map(frameOf);
  const wantedSummary = summary(wanted);

  it('are the same however they are cut in two', () => {
    const wrong: number[] = [];
    for (let place = 0; place <= stream.length; place += 1) {
      const { frames, error } = outcome(split(stream, [place]));
      if (error !== undefined || summary(frames) !== wantedSummary) wrong.push(place);
    }
    expect(wrong).toEqual([]);
  });

  it('are the same one byte at a time', () => {
    expect(outcome(split(stream, [...stream.keys()]))).toEqual({ frames: wanted });
  });

  it('are the same in chunks of any sizes', () => {
    const places = fc.array(fc.nat(stream.length), { maxLength: 60 });
    fc.assert(
      fc.property(places, (cuts) => {
        const { frames } = outcome(
          split(
            stream,
            cuts.sort((one, two) => one - two),
          ),
        );
        expect(summary(frames)).toBe(wantedSummary);
      }),
      { numRuns: 300 },
    );
  });
});

describe('A frame that came damaged', () => {
  it('by one bit, any of them, is noticed', () => {
    const unnoticed: string[] = [];
    for (const { name, bytes } of golden) {
      for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
        const { frames, error } = outcome([flipped(bytes, bit), filling]);
        if (frames.length > 0 || error === undefined) unnoticed.push(`${name}, bit ${bit}`);
      }
    }
    expect(unnoticed).toEqual([]);
  });

  it('is not given away when its end is missing, nor what follows for its end', () => {
    const wrong: string[] = [];
    for (const one of golden) {
      const whole = summary([frameOf(one)]);
      for (let end = 1; end < one.bytes.length; end += 1) {
        const cut = one.bytes.subarray(0, end);
        const alone = outcome([cut]);
        const { frames, error } = outcome([cut, one.bytes, filling]);
        // The next frame may begin with the very bytes that were missing.
        const isRight = frames.length === 0 || summary(frames) === whole;
        const isWaiting = alone.frames.length === 0 && alone.error === undefined;
        if (!isRight || !isWaiting || error === undefined) wrong.push(`${one.name} up to ${end}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('is an error or a wait, whatever came instead', () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 });
    fc.assert(
      fc.property(chunks, (came) => {
        expect(outcome(came).frames).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it('with a believable head and any length is an error or a wait', () => {
    const length = fc.oneof(fc.nat(200), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
    fc.assert(
      fc.property(
        length,
        fc.integer({ min: 1, max: 13 }),
        fc.uint8Array(),
        (claimed, type, rest) => {
          const head = new Uint8Array(16);
          new DataView(head.buffer).setUint32(0, claimed, true);
          head[8] = type;
          const { frames, error } = outcome([head, rest]);
          expect(frames).toEqual([]);
          expect(error?.damage === 'length').toBe(claimed > maxBodyBytes);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('The readers of messages', () => {
  const methods = Object.keys(methodNumbers).filter((one) => one !== 'channel') as Method[];
  const readers: readonly ((body: Uint8Array) => unknown)[] = [
    readHello,
    readWelcome,
    readSpeaker,
    readRequest,
    ...methods.map((method) => (body: Uint8Array) => readResponse(method, body)),
    readFailure,
    readCredit,
  ];

  /** Returns whether a value came out. Any error but the one that is meant fails the test. */
  function reads(read: (body: Uint8Array) => unknown, bytes: Uint8Array): boolean {
    try {
      read(bytes);
      return true;
    } catch (error) {
      if (error instanceof WireFormatError) return false;
      throw error;
    }
  }

  it('give a value or a format error for any bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    let refusals = 0;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), bytes, (first, rest) => {
        const [rare, frequent] = [first, first % 11].map((byte) =>
          joined([Uint8Array.of(byte), rest]),
        );
        for (const read of readers) if (!reads(read, frequent ?? rest)) refusals += 1;
        if (!reads(readRequest, rare ?? rest)) refusals += 1;
      }),
      { numRuns: 3000 },
    );
    expect(refusals).toBeGreaterThan(3000);
  });

  it('give a value or a format error for any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 1, max: 4 }), (json, kind) => {
        const bytes = new TextEncoder().encode(JSON.stringify(json));
        reads(readSpeaker, bytes);
        for (const method of ['identify', 'join', 'leave'] as const) {
          reads((body) => readResponse(method, body), bytes);
        }
        for (const method of ['join', 'leave'] as const) {
          reads(readRequest, joined([Uint8Array.of(methodNumbers[method]), bytes]));
        }
        reads(readFailure, joined([Uint8Array.of(kind), bytes]));
      }),
      { numRuns: 1000 },
    );
    const deep = new TextEncoder().encode(`${'['.repeat(1e5)}${']'.repeat(1e5)}`);
    expect(reads(readSpeaker, deep)).toBe(false);
  });

  it('give a value or a format error for every message with one bit or byte changed', () => {
    let values = 0;
    let refusals = 0;
    for (const { body, read } of goldenFrames) {
      const bytes = joined(body);
      const count = (changed: Uint8Array): void => {
        if (reads(read, changed)) values += 1;
        else refusals += 1;
      };
      for (let bit = 0; bit < 8 * bytes.length; bit += 1) count(flipped(bytes, bit));
      for (let at = 0; at < bytes.length; at += 1) {
        for (const byte of [0, 0x7f, 0x80, 0xff]) count(bytes.slice().fill(byte, at, at + 1));
        for (const byte of [0, 0xff]) count(bytes.slice().fill(byte, at, at + 4));
      }
    }
    // Changed content is a value, a changed form is refused: there is enough of both.
    expect(values).toBeGreaterThan(1000);
    expect(refusals).toBeGreaterThan(1000);
  });

  it('give a format error for every message whose end is missing, unless it is an open one', () => {
    const open =
      /^(answer timeoutNow|answer forward|question forward.*|channel .*|chunk|ping|pong)$/;
    const accepted: string[] = [];
    for (const { name, body, read } of goldenFrames) {
      const bytes = joined(body);
      for (let end = 0; end < bytes.length; end += 1) {
        if (reads(read, bytes.subarray(0, end)) && !open.test(name)) accepted.push(name);
      }
    }
    expect(accepted).toEqual([]);
  });
});
