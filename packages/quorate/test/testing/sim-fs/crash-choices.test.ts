import { describe, expect, test } from 'vitest';

import { crashChoices } from '../../../src/testing/sim-fs/crash-choices.ts';
import { SeededRandom } from '../../../src/testing/sim-fs/random.ts';
import { SimFs } from '../../../src/testing/sim-fs/sim-fs.ts';
import type { CrashChoice } from '../../../src/testing/sim-fs/unsettled.ts';
import { bytes, createFile, outcomes, textOf } from './kit.ts';

/** A file of so many sectors of dots, on which a write of so many sectors of x is under way. */
async function writing(sectorCount: number): Promise<SimFs> {
  const files = new SimFs();
  const file = await createFile(files, '/a', { text: '.'.repeat(sectorCount * 512) });
  await file.write([bytes('x'.repeat(sectorCount * 512))], 0);
  return files;
}

function choicesFor(files: SimFs, { limit = 10_000, seed = '1' } = {}): CrashChoice[] {
  return crashChoices(files.unsettled(), { random: new SeededRandom(seed), limit });
}

/** Each sector as one character; `~` is a torn one. */
async function shapes(files: SimFs, options = {}): Promise<Set<string>> {
  const found = new Set<string>();
  for (const choice of choicesFor(files, options)) {
    const text = (await textOf(files.crash(files.unsettled(), choice), '/a')) ?? '';
    const sectors = text.match(/.{512}/gs) ?? [];
    const shape = sectors.map((sector) => (new Set(sector).size === 1 ? sector[0] : '~'));
    found.add(shape.join(''));
  }
  return found;
}

describe('the ways to cut the power', () => {
  test('are one, if nothing is unsettled', () => {
    expect(choicesFor(new SimFs())).toEqual([{ versions: [] }]);
  });

  test('are all subsets of the sectors of a short write, and each torn at some byte', async () => {
    const found = await shapes(await writing(3));

    expect([...found].filter((shape) => !shape.includes('~'))).toHaveLength(8);
    expect([...found].filter((shape) => shape.includes('~')).sort()).toEqual(['xx~', 'x~.', '~..']);
  });

  test('of a long write are all its beginnings, its ends, all but one sector, and others', async () => {
    const count = 20;
    const found = await shapes(await writing(count));

    for (let at = 0; at < count; at += 1) {
      expect(found).toContain('x'.repeat(at) + '.'.repeat(count - at));
      expect(found).toContain('.'.repeat(at) + 'x'.repeat(count - at));
      expect(found).toContain(`${'x'.repeat(at)}.${'x'.repeat(count - at - 1)}`);
      expect(found).toContain(`${'x'.repeat(at)}~${'.'.repeat(count - at - 1)}`);
    }
    expect(found.size).toBeGreaterThan(5 * count);
  });

  test('are torn only between bytes that changed', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a', { text: '....' });
    await file.write([bytes('x.x')], 0);

    const found = new Set<string | undefined>();
    for (const choice of choicesFor(files)) {
      found.add(await textOf(files.crash(files.unsettled(), choice), '/a'));
    }

    expect(found).toEqual(new Set(['....', 'x...', 'x.x.']));
  });

  test('are no more than asked for, and the same ones for the same seed', async () => {
    const files = await writing(20);

    const choices = choicesFor(files, { limit: 30 });

    expect(choices).toHaveLength(30);
    expect(choicesFor(files, { limit: 30 })).toEqual(choices);
    expect(choicesFor(files, { limit: 30, seed: '2' })).not.toEqual(choices);
  });

  test('do not count what makes no difference', async () => {
    const files = new SimFs();
    const file = await createFile(files, '/a', { text: 'same' });

    await file.write([bytes('same')], 0);
    await file.write([new Uint8Array(2000)], 512);

    expect(files.unsettled().items.map(({ type }) => type)).toEqual(['size']);
    expect(await outcomes(files, async (crashed) => String(await crashed.size('/a')))).toEqual([
      '2512',
      '4',
    ]);
  });
});
