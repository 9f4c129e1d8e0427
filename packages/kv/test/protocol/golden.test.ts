import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { laterSamples, type Sample, samples } from './samples.ts';

const versions: readonly (readonly [number, readonly Sample[]])[] = [
  [1, samples],
  [2, laterSamples],
];

/** Each line: a name, a colon, and the bytes in hexadecimal. */
async function readGolden(version: number): Promise<Map<string, string>> {
  const file = path.join(import.meta.dirname, 'golden', `version-${version}.txt`);
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  return new Map(
    lines.map((line) => {
      const [name = '', hex = ''] = line.split(': ');
      return [name, hex];
    }),
  );
}

test.each(versions)('what version %i wrote is read by this version', async (version, kept) => {
  const golden = await readGolden(version);

  for (const { name, decode, value } of kept) {
    const bytes = new Uint8Array(Buffer.from(golden.get(name) ?? '', 'hex'));
    expect({ name, value: decode(bytes) }).toEqual({ name, value });
  }
});

test.each(versions)(
  'this version writes what version %i wrote, byte by byte',
  async (version, kept) => {
    const written = kept.map(({ name, bytes }) => [name, Buffer.from(bytes).toString('hex')]);

    expect(written).toEqual([...(await readGolden(version))]);
  },
);
