import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Frame } from '../../../src/network/tcp/frame.ts';
import { FrameReader } from '../../../src/network/tcp/frame-reader.ts';
import { bytesOf, goldenFrames } from './golden-frames.ts';

/** Each line: a name, a colon, and the bytes of the frame in hexadecimal. */
const file = path.join(import.meta.dirname, 'golden', 'version-1.txt');

async function readGolden(): Promise<Map<string, string>> {
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  return new Map(
    lines.map((line) => {
      const [name = '', hex = ''] = line.split(': ');
      return [name, hex];
    }),
  );
}

test('the frames of version 1 are read by this version', async () => {
  const golden = await readGolden();

  for (const { name, type, call, read, value } of goldenFrames) {
    const frames: Frame[] = [];
    const bytes = new Uint8Array(Buffer.from(golden.get(name) ?? '', 'hex'));
    new FrameReader({ maxBodyBytes: 65_536 }).push(bytes, (frame) => frames.push(frame));

    const [{ body, ...head } = { body: new Uint8Array(0) }, ...others] = frames;
    expect({ name, head, others }).toEqual({
      name,
      head: { type, group: 0, call },
      others: [],
    });
    expect({ name, value: read(body) }).toEqual({ name, value });
  }
});

test('this version writes the frames of version 1, byte by byte', async () => {
  const written = goldenFrames.map((one) => [one.name, Buffer.from(bytesOf(one)).toString('hex')]);

  expect(written).toEqual([...(await readGolden())]);
});
