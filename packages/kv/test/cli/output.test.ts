import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { wantsColor } from '../../src/cli/context.ts';
import { counted, print, printTable, shown, toJson } from '../../src/cli/output.ts';
import { bytesText, progressBar } from '../../src/cli/progress.ts';
import { contextHere } from './support/in-process.ts';

test.each([
  ['plain text, ä € 😀', 'plain text, ä € 😀'],
  ['a\nb\tc\rd\\', String.raw`a\nb\tc\rd\\`],
  ['\u001b[31mred\u0007', String.raw`\x1b[31mred\x07`],
  // It would write the rest of the line from right to left.
  ['a\u202eb', String.raw`a\xe2\x80\xaeb`],
  ['\u0085', String.raw`\xc2\x85`],
])('%j is shown without what could disturb a terminal', (text, expected) => {
  expect(shown(text)).toBe(expected);
  expect(shown(Buffer.from(text))).toBe(expected);
});

test('of bytes that are no text, what is text is shown as such', () => {
  const bytes = Buffer.concat([Buffer.from('ä'), Buffer.of(0xff, 0xc3), Buffer.from('x\n€')]);

  expect(shown(bytes)).toBe(String.raw`ä\xff\xc3x\n€`);
});

test('JSON has bytes as text if they are UTF-8, and as base64 otherwise', () => {
  const value = {
    text: Buffer.from('ä'),
    bytes: Uint8Array.of(0xff),
    inner: [Buffer.of(0xfe), null, 1, 'x'],
  };

  expect(JSON.parse(toJson(value))).toEqual({
    text: 'ä',
    bytes: { base64: '/w==' },
    inner: [{ base64: '/g==' }, null, 1, 'x'],
  });
});

test.each([
  [{}, false, false],
  [{}, true, true],
  [{ TERM: 'dumb' }, true, false],
  [{ NO_COLOR: '1' }, true, false],
  [{ NO_COLOR: '' }, true, true],
  [{ NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
  [{ FORCE_COLOR: '1' }, false, true],
  [{ FORCE_COLOR: '0' }, true, false],
])('with %j, and a terminal: %s, colours are wanted: %s', (env, isTerminal, expected) => {
  expect(wantsColor(env, isTerminal)).toBe(expected);
});

test('a table has its columns below each other, painted or not', async () => {
  const context = contextHere([]);
  const rows = [
    ['a', '5', 'here'],
    ['longer', '1000', '\u001b[31mthere\u001b[39m'],
  ];

  await printTable(context, ['NAME', { name: 'SIZE', align: 'right' }, 'PLACE'], rows);

  expect(String(context.stdout.read())).toBe(
    'NAME    SIZE  PLACE\na          5  here\nlonger  1000  \u001b[31mthere\u001b[39m\n',
  );
});

test('who prints waits for a slow reader, and not after the signal', async () => {
  const ending = new AbortController();
  const stdout = new PassThrough({ highWaterMark: 4 });
  const where = { stdout, signal: ending.signal };

  const first = print(where, 'long enough to wait');
  const isWaiting = await Promise.race([first.then(() => false), Promise.resolve(true)]);
  stdout.resume();
  await first;
  stdout.pause();
  const second = print(where, 'again more than it takes');
  ending.abort(new Error('over'));

  expect(isWaiting).toBe(true);
  await expect(second).rejects.toThrow('over');
  await expect(print(where, 'x')).rejects.toThrow('over');
});

test('progress is drawn on a terminal alone', () => {
  const [plain, drawn] = [contextHere([]), { ...contextHere([]), isErrorTerminal: true }];

  for (const context of [plain, drawn]) {
    const bar = progressBar(context, { label: 'Reading', total: 2048 });
    bar.advance(1024);
    bar.fail();
  }

  expect(plain.stderr.read()).toBe(null);
  expect(String(drawn.stderr.read())).toContain('Reading [############............] 50% 1.0 KiB');
  expect([bytesText(7), bytesText(1024 ** 2 * 1.5)]).toEqual(['7 B', '1.5 MiB']);
});

test('one is counted as one, and none as several', () => {
  expect([0, 1, 2].map((count) => counted(count, 'key'))).toEqual(['0 keys', '1 key', '2 keys']);
  expect([1, 2].map((count) => counted(count, 'entry', 'entries'))).toEqual([
    ...['1 entry', '2 entries'],
  ]);
});
