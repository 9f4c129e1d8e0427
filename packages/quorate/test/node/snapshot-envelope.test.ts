import { describe, expect, test } from 'vitest';
import { openEnvelope, sealEnvelope } from '../../src/node/snapshot-envelope.ts';
import { collect, record, Stream, textOf } from './snapshots.ts';

const records = [
  record('membership', '{"voters":[]}'),
  record('', 'no name'),
  record('empty', ''),
  record('größe', 'ü'),
];
const state = Uint8Array.from({ length: 300 }, (_, at) => at % 256);

function sealed(): Promise<Uint8Array> {
  return collect(sealEnvelope(records, [state.subarray(0, 7), state.subarray(7)]));
}

describe('the envelope of a snapshot', () => {
  test('comes back as it was sealed, in chunks of every size', async () => {
    const bytes = await sealed();
    for (let size = 1; size <= bytes.length; size += 1) {
      const stream = new Stream(bytes, size);

      const opened = await openEnvelope(stream);

      expect(textOf(opened.records)).toEqual(textOf(records));
      expect(await collect(opened.content), `in chunks of ${size}`).toEqual(state);
      expect(stream.isClosed).toBe(true);
    }
  });

  test('may be without records, without content, and between empty chunks', async () => {
    const bytes = await collect(sealEnvelope([], []));
    const empty = new Uint8Array(0);
    const chunks = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      for (const byte of bytes) yield* [empty, Uint8Array.of(byte), empty];
    };

    const opened = await openEnvelope(chunks());

    expect(opened.records).toEqual([]);
    expect(await collect(opened.content)).toEqual(empty);
  });

  test('reads no further than its records before the content is asked for', async () => {
    const stream = new Stream(await sealed(), 1);
    const headBytes = (await sealed()).length - state.length;

    const { content } = await openEnvelope(stream);

    expect(stream.taken).toBe(headBytes);
    await collect(content);
  });

  test('keeps its records when the buffer of a chunk is filled again', async () => {
    const bytes = await sealed();
    const buffer = new Uint8Array(16);
    const chunks = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      for (let at = 0; at < bytes.length; at += buffer.length) {
        const part = bytes.subarray(at, at + buffer.length);
        buffer.fill(0xee);
        buffer.set(part);
        yield buffer.subarray(0, part.length);
      }
    };

    const opened = await openEnvelope(chunks());

    expect(textOf(opened.records)).toEqual(textOf(records));
  });
});

describe('an envelope is refused, and its stream let go,', () => {
  async function refusalOf(bytes: Uint8Array): Promise<unknown> {
    const stream = new Stream(bytes, 5);
    const error: unknown = await openEnvelope(stream).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(stream.isClosed).toBe(true);
    return error;
  }

  test('if it is of another version, with what it begins with', async () => {
    const bytes = await sealed();
    bytes.set(new TextEncoder().encode('QSNAP002'));

    expect(await refusalOf(bytes)).toMatchObject({
      code: 'RAFT_UNSUPPORTED',
      message: expect.stringMatching(/must begin with "QSNAP001".*"QSNAP002"/) as string,
    });
  });

  test('at every place where it can be cut off within the records', async () => {
    const bytes = await sealed();
    for (let length = 0; length < bytes.length - state.length; length += 1) {
      expect(await refusalOf(bytes.subarray(0, length)), `${length} bytes`).toMatchObject({
        code: 'RAFT_UNSUPPORTED',
      });
    }
  });

  test('with any bit flipped within the records', async () => {
    const good = await sealed();
    for (let at = 0; at < good.length - state.length; at += 1) {
      for (const bit of [1, 128]) {
        const bytes = Uint8Array.from(good);
        bytes[at] = (bytes[at] ?? 0) ^ bit;

        expect(await refusalOf(bytes), `byte ${at}`).toMatchObject({ code: 'RAFT_UNSUPPORTED' });
      }
    }
  });

  test('if the stream breaks, with the stream’s own error', async () => {
    const bytes = await sealed();
    const broken = new Error('bad sector');
    const chunks = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      yield bytes.subarray(0, 20);
      throw broken;
    };

    await expect(openEnvelope(chunks())).rejects.toBe(broken);
  });
});

describe('the stream under an envelope', () => {
  test('is let go when its reader stops early', async () => {
    const stream = new Stream(await sealed(), 40);
    const { content } = await openEnvelope(stream);

    for await (const chunk of content) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }

    expect(stream.isClosed).toBe(true);
  });

  test('is let go when nobody reads it, and before all of it is sealed', async () => {
    const stream = new Stream(await sealed(), 40);
    const { close } = await openEnvelope(stream);
    const source = new Stream(state, 10);
    const seal = sealEnvelope(records, source);

    await close();
    for await (const chunk of seal) if (chunk.length === 10) break;

    expect(stream.isClosed).toBe(true);
    expect(source.isClosed).toBe(true);
  });
});
