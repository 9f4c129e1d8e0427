import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { samples } from './samples.ts';

/** Each line: a name, a colon, and the bytes in hexadecimal. */
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

test('what version 1 wrote is read by this version', async () => {
  const golden = await readGolden();

  for (const { name, decode, value } of samples) {
    const bytes = new Uint8Array(Buffer.from(golden.get(name) ?? '', 'hex'));
    expect({ name, value: decode(bytes) }).toEqual({ name, value });
  }
});

test('this version writes what version 1 wrote, byte by byte', async () => {
  const written = samples.map(({ name, bytes }) => [name, Buffer.from(bytes).toString('hex')]);

  expect(written).toEqual([...(await readGolden())]);
});
