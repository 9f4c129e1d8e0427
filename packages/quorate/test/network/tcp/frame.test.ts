import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  type Frame,
  FrameError,
  type FrameHead,
  FrameWriter,
  frame,
  frameTypes,
  gatherBytes,
  headBytes,
} from '../../../src/network/tcp/frame.ts';
import { checksumOf } from '../../../src/network/tcp/frame-checksum.ts';
import { FrameReader } from '../../../src/network/tcp/frame-reader.ts';
import { joined } from './golden-frames.ts';

const head: FrameHead = { type: frameTypes.request, group: 513, call: 2 ** 32 - 2 };

/** Bytes that are not all the same, so that a mistaken place shows. */
function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + seed * 7 + (at >> 8)) & 0xff);
}

function readAll(reader: FrameReader, ...chunks: readonly Uint8Array[]): Frame[] {
  const frames: Frame[] = [];
  for (const chunk of chunks) reader.push(chunk, (one) => frames.push(one));
  return frames;
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
}

function reading(maxBodyBytes = 2 ** 24): FrameReader {
  return new FrameReader({ maxBodyBytes });
}

/** A head that nobody wrote: what it says of its body is a claim. */
function claiming(length: number, type = 7): Uint8Array {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(0, length, true);
  bytes[8] = type;
  bytes[9] = bytes.reduce((xor, byte) => xor ^ byte);
  return bytes;
}

describe('The checksum', () => {
  it('is the CRC-32 of zlib for every short length and place, alone and continued', () => {
    const bytes = pattern(300).subarray(5);
    for (let length = 0; length <= 200; length += 1) {
      const from = length % 17;
      const wanted = crc32(bytes.subarray(from, from + length));
      expect(checksumOf(bytes, from, from + length, 0)).toBe(wanted);
      const middle = from + (length >> 1);
      const half = checksumOf(bytes, from, middle, 0);
      expect(checksumOf(bytes, middle, from + length, half)).toBe(wanted);
    }
  });
});

describe('A frame', () => {
  it('has its head and the small parts of its body in one buffer', () => {
    const body = [pattern(3), pattern(0), pattern(gatherBytes - 1, 2)];

    const written = frame(head, body);

    expect(written).toHaveLength(1);
    const bytes = joined(written);
    const view = new DataView(bytes.buffer);
    expect(view.getUint32(0, true)).toBe(gatherBytes + 2);
    expect(view.getUint32(4, true)).toBe(crc32(bytes.subarray(8)));
    expect(bytes[8]).toBe(head.type);
    const xor = [...bytes.subarray(0, 4), ...bytes.subarray(8, headBytes)].reduce((a, b) => a ^ b);
    expect(xor).toBe(0);
    expect(view.getUint16(10, true)).toBe(head.group);
    expect(view.getUint32(12, true)).toBe(head.call);
    expect(bytes.subarray(16)).toEqual(joined(body));
  });

  it('passes large parts on as they are, in their place', () => {
    const [large, larger] = [pattern(gatherBytes), pattern(100_000, 2)];
    const body = [pattern(5), large, pattern(6, 3), larger];

    const written = frame(head, body);

    expect(written).toHaveLength(4);
    expect(written[1]).toBe(large);
    expect(written[3]).toBe(larger);
    expect(readAll(reading(), joined(written))).toEqual([{ ...head, body: joined(body) }]);
  });

  it('refuses a body that its head cannot tell of, and writes the next one', () => {
    const large = new Uint8Array(2 ** 26);
    const writer = new FrameWriter();

    expect(() =>
      writer.add(
        head,
        Array.from({ length: 64 }, () => large),
      ),
    ).toThrow(/at most 4294967295 bytes/);

    expect(writer.take()).toEqual([]);
    writer.add(head, [pattern(4)]);
    expect(readAll(reading(), ...writer.take())).toEqual([{ ...head, body: pattern(4) }]);
  });
});

describe('A frame writer', () => {
  it('puts the frames of one turn into one buffer', () => {
    const writer = new FrameWriter();
    for (let call = 1; call <= 100; call += 1) writer.add({ ...head, call }, [pattern(call)]);
    expect(writer.byteLength).toBe(100 * 16 + (100 * 101) / 2);

    const taken = writer.take();

    expect(taken).toHaveLength(1);
    expect(writer.byteLength).toBe(0);
    expect(writer.take()).toEqual([]);
    const bodies = readAll(reading(), ...taken).map(({ call, body }) => [call, body]);
    expect(bodies).toEqual(Array.from({ length: 100 }, (_, at) => [at + 1, pattern(at + 1)]));
  });

  it('never writes again what was taken', () => {
    const writer = new FrameWriter(100);
    const [taken, kept]: [Uint8Array[], Uint8Array[]] = [[], []];
    for (let turn = 0; turn < 300; turn += 1) {
      const large = turn % 7 === 0 ? [pattern(gatherBytes, turn)] : [];
      writer.add(head, [pattern(turn % 90, turn), ...large, pattern(3, turn)]);
      if (turn % 3 !== 0) continue;
      const bytes = writer.take();
      taken.push(...bytes);
      kept.push(...bytes.map((one) => one.slice()));
    }

    expect(taken).toEqual(kept);
    expect(readAll(reading(), ...taken).map(({ body }) => body.length)).toEqual(
      Array.from({ length: 298 }, (_, at) => (at % 90) + (at % 7 === 0 ? gatherBytes : 0) + 3),
    );
  });
});

describe('A frame reader', () => {
  it('gives a body that lies in one chunk as a view of it', () => {
    const bytes = joined([...frame(head, [pattern(10)]), ...frame(head, [])]);

    const [first, second] = readAll(reading(), bytes);

    expect(first).toEqual({ ...head, body: pattern(10) });
    expect(first?.body.buffer).toBe(bytes.buffer);
    expect(second).toEqual({ ...head, body: new Uint8Array(0) });
  });

  it('reads a chunk that is itself a part of a larger buffer', () => {
    const bytes = joined([pattern(13), ...frame(head, [pattern(100)]), pattern(2)]);

    expect(readAll(reading(), bytes.subarray(13, -2))).toEqual([{ ...head, body: pattern(100) }]);
    expect(readAll(reading(), bytes.subarray(13, 50), bytes.subarray(50, -2))).toEqual([
      { ...head, body: pattern(100) },
    ]);
  });

  it('copies no body that came in one chunk, apart from its head', () => {
    const bytes = joined(frame(head, [pattern(20_000)]));
    const rest = bytes.slice(16);

    const [whole] = readAll(reading(), bytes.slice(0, 16), rest);

    expect(whole).toEqual({ ...head, body: pattern(20_000) });
    expect(whole?.body.buffer).toBe(rest.buffer);
  });

  it('joins a body out of large and small chunks', () => {
    const body = pattern(300_000);
    const bytes = joined(frame(head, [body]));
    for (const sizes of [[65_536], [1, 10_000, 3], [8191], [8192, 1], [40_000, 5, 7, 17_000]]) {
      const reader = reading();
      const frames: Frame[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        expect(reader.pendingBytes).toBe(at);
        const size = sizes[turn % sizes.length] ?? 1;
        reader.push(bytes.subarray(at, at + size), (one) => frames.push(one));
        at += size;
      }
      expect(frames).toEqual([{ ...head, body }]);
      expect(reader.pendingBytes).toBe(0);
    }
  });

  it('holds a new bound against the frames that follow, even in the same chunk', () => {
    const bytes = joined([...frame(head, [pattern(50)]), ...frame(head, [pattern(60)])]);
    const widened = reading(50);
    const lengths: number[] = [];
    widened.push(bytes, ({ body }) => {
      lengths.push(body.length);
      widened.setMaxBodyBytes(60);
    });
    expect(lengths).toEqual([50, 60]);

    expect(() => readAll(reading(50), bytes)).toThrow(/a body of 60 bytes; 50 are allowed/);
  });

  it('refuses what is too long or of no known type as soon as the head is there', () => {
    const tooLong = 'A frame claims a body of 4294967295 bytes; 100 are allowed.';
    for (const split of [0, 1, 15]) {
      const read = (bytes: Uint8Array, max: number): unknown =>
        readAll(reading(max), bytes.subarray(0, split), bytes.subarray(split));
      expect(() => read(claiming(2 ** 32 - 1), 100)).toThrow(
        expect.objectContaining({ name: 'FrameError', damage: 'length', message: tooLong }),
      );
      for (const type of [0, 14, 255]) {
        expect(() => read(claiming(2, type), 100)).toThrow(
          expect.objectContaining({
            damage: 'type',
            message: `There is no frame of type ${type}.`,
          }),
        );
      }
    }
  });

  it('refuses a head with a wrong bit at once, and waits for no body that nobody sends', () => {
    const small = { ...head, type: frameTypes.ping, group: 0, call: 0 };
    for (const one of [head, small]) {
      for (let bit = 0; bit < 8 * headBytes; bit += 1) {
        const bytes = joined(frame(one, [pattern(7)])).subarray(0, headBytes);
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
        // A wrong checksum shows when there is something to sum.
        if (bit >= 32 && bit < 64) continue;

        expect(() => readAll(reading(), bytes), `bit ${bit}`).toThrow(FrameError);
      }
    }
  });

  it('delivers what came before the damage, and nothing after it', () => {
    const damaged = joined(frame(head, [pattern(40)]));
    damaged[30] = 0;
    const bytes = joined([...frame(head, [pattern(4)]), damaged, ...frame(head, [pattern(5)])]);
    const reader = reading();
    const frames: Frame[] = [];

    expect(() => reader.push(bytes, (one) => frames.push(one))).toThrow(
      expect.objectContaining({ damage: 'checksum' }),
    );

    expect(frames).toEqual([{ ...head, body: pattern(4) }]);
    const next = joined(frame(head, [pattern(6)]));
    expect(() => reader.push(next, (one) => frames.push(one))).toThrow(/came damaged/);
    expect(frames).toHaveLength(1);
  });

  it('says so when the other side speaks TLS or HTTP', () => {
    const text = (words: string): Uint8Array => new TextEncoder().encode(words);
    const handshake = Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 1, 2, 3, 4, 5);

    expect(() => readAll(reading(65_536), handshake)).toThrow(/looks like TLS/);
    expect(() => readAll(reading(65_536), text('GET / HTTP/1.1\r\n\r\n'))).toThrow(/like HTTP/);
    expect(() => readAll(reading(65_536), text('HTTP/1.1 400 Bad'))).toThrow(/like HTTP/);
    const alerted = reading();
    expect(readAll(alerted, Uint8Array.of(0x15, 3, 3, 0, 2, 2, 70))).toEqual([]);
    expect(alerted.stranger).toMatch(/looks like TLS/);
    const silent = reading();
    expect(silent.stranger).toBe('');
    readAll(silent, frame(head, [])[0]?.subarray(0, 9) ?? text(''));
    expect(silent.stranger).toBe('');
  });
});

describe('The memory of a frame reader', () => {
  it('grows with what has arrived, not with what a head claims', () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 100 }, () => reading(2 ** 32 - 1));

    for (const reader of readers) {
      for (const chunk of [claiming(2 ** 32 - 1), pattern(10), pattern(9000)]) {
        readAll(reader, chunk);
      }
    }

    expect(readers.every(({ pendingBytes }) => pendingBytes === 9026)).toBe(true);
    // 100 times 4 GiB were claimed, and less than 1 MiB came.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 2 ** 20);
  });

  it('does not keep a buffer for each of many small pieces', async () => {
    const reader = reading();
    readAll(reader, claiming(100_000));
    const before = process.memoryUsage().arrayBuffers;

    for (let piece = 0; piece < 2000; piece += 1) {
      // Each of these 2000 pieces alone would hold 64 KiB.
      readAll(reader, new Uint8Array(65_536).subarray(0, 49));
      if (piece % 200 === 199) collectGarbage();
    }

    expect(reader.pendingBytes).toBe(98_016);
    // Memory that is garbage goes in the background.
    const kept = (): number => {
      collectGarbage();
      return process.memoryUsage().arrayBuffers - before;
    };
    await expect.poll(kept, { timeout: 10_000 }).toBeLessThan(2 ** 20);
  });
});
