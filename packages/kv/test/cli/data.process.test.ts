import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { exitCodes } from '../../src/cli/exit-codes.ts';
import { CliCluster } from './support/cli-cluster.ts';

/* Reading and writing, in this process; what a process adds is in program.process.test.ts. */

let quorate: CliCluster;

beforeAll(async () => {
  quorate = await CliCluster.start();
});

afterAll(() => quorate[Symbol.asyncDispose]());

test('a key is put, read, and deleted', async () => {
  const put = await quorate.out(['put', 'greeting', 'hello']);
  const got = await quorate.out(['get', 'greeting']);
  const [pair] = await quorate.json(['get', 'greeting']);
  const again = await quorate.out(['put', 'greeting', 'good day', '--prev']);
  const deleted = await quorate.out(['del', 'greeting', '--prev']);
  const gone = await quorate.run(['get', 'greeting']);

  expect(put).toMatch(/^OK \(revision \d+\)\n$/);
  expect(got).toBe('greeting\nhello\n');
  expect(pair).toMatchObject({ key: 'greeting', value: 'hello', version: 1, lease: 0 });
  expect(again).toMatch(/^OK \(revision \d+\)\ngreeting\nhello\n$/);
  expect(deleted).toBe('1\ngreeting\ngood day\n');
  expect(gone).toMatchObject({ code: exitCodes.notFound, stdout: '' });
  expect(gone.stderr).toContain('there is no key greeting');
  expect(await quorate.out(['del', 'greeting'])).toBe('0\n');
});

test('ranges are printed in every order and amount', async () => {
  for (const [at, name] of ['c', 'a', 'b'].entries())
    await quorate.out(['put', `r/${name}`, `${at}`]);
  const keys = async (...flags: string[]): Promise<string> => {
    const printed = await quorate.out(['get', 'r/', '--prefix', '--keys-only', ...flags]);
    return printed.replaceAll('r/', '').replaceAll('\n', '');
  };

  expect(await keys()).toBe('abc');
  expect(await keys('--order', 'desc')).toBe('cba');
  expect(await keys('--limit', '2')).toBe('ab');
  expect(await keys('--sort', 'value')).toBe('cab');
  expect(await keys('--sort', 'create', '--order', 'desc', '--limit', '2')).toBe('ba');
  expect(await keys('--serializable')).toBe('abc');
  expect(await quorate.out(['get', 'r/', '--prefix', '--count-only'])).toBe('3\n');
  expect(await quorate.json(['get', 'r/b', '--from', '--count-only'])).toEqual([{ count: 2 }]);
  expect(await quorate.out(['get', 'r/a', 'r/c'])).toBe('r/a\n1\nr/b\n2\n');
  expect(await quorate.out(['get', 'r/a', 'r/c', '--print-value-only'])).toBe('1\n2\n');
  expect(await quorate.out(['get', 'nothing/', '--prefix'])).toBe('');
});

test('a range of many pages is printed whole, as of one revision', async () => {
  const names = Array.from({ length: 1200 }, (_, at) => `many/${String(at).padStart(5, '0')}`);
  const puts = names.map((key) => ({ type: 'put', key, value: 'x' }));
  for (let from = 0; from < puts.length; from += 100) {
    const then = puts.slice(from, from + 100);
    // oxlint-disable-next-line unicorn/no-thenable -- It is data.
    await quorate.out(['txn'], { input: JSON.stringify({ then }) });
  }

  const printed = await quorate.out(['get', 'many/', '--prefix', '--keys-only']);

  expect(printed).toBe(names.map((name) => `${name}\n`).join(''));
});

test('a key is read as it was at a revision', async () => {
  const [first] = (await quorate.json(['put', 'past', 'old'])) as { revision: number }[];
  await quorate.out(['put', 'past', 'new']);

  expect(await quorate.out(['get', 'past', '--revision', `${first?.revision}`])).toBe(
    'past\nold\n',
  );
  const future = await quorate.run(['get', 'past', '--rev', '999999']);
  expect(future.code).toBe(exitCodes.failed);
  expect(future.stderr).toContain('KV_FUTURE_REVISION');
});

test('a value may be any bytes, from the input and to a pipe', async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);

  await quorate.out(['put', 'bytes'], { input: bytes });
  await quorate.out(['put', 'dash', '-'], { input: 'from the input' });
  const raw = await quorate.run(['get', 'bytes', '--print-value-only']);
  const seen = await quorate.run(['get', 'bytes'], { isTerminal: true });

  expect(raw.bytes).toEqual(Buffer.from(bytes));
  expect(seen.stdout).toMatch(/^bytes\n\\x00.*\\n.*ABC.*\\xff\n$/);
  expect(await quorate.out(['get', 'dash'])).toBe('dash\nfrom the input\n');
  expect(await quorate.json(['get', 'bytes'])).toMatchObject([
    { value: { base64: Buffer.from(bytes).toString('base64') } },
  ]);
});

test('keys and values are hexadecimal or base64 where that is wanted', async () => {
  await quorate.out(['put', '00ff', '0a', '--hex']);

  expect(await quorate.out(['get', '00ff', '--hex'])).toBe('00ff\n0a\n');
  expect(await quorate.out(['get', 'AP8=', '--base64'])).toBe('AP8=\nCg==\n');
  expect(await quorate.out(['put', '01', '--hex'], { input: 'fFfe\n' })).toContain('OK');
  expect(await quorate.out(['get', '01', '--hex', '--print-value-only'])).toBe('fffe');
  expect(await quorate.out(['del', '00', '02', '--hex'])).toBe('2\n');
});

test('colours and marks are for terminals', async () => {
  await quorate.out(['put', 'colour', 'red']);

  const painted = await quorate.run(['get', 'colour'], { isTerminal: true, useColor: true });

  expect(painted.stdout).toBe('\u001b[1mcolour\u001b[22m\nred\n');
});

test('what is too large is refused with the limit that it breaks', async () => {
  const large = await quorate.run(['put', 'large'], { input: Buffer.alloc(1024 * 1024 + 1, 'x') });
  const key = await quorate.run(['put', 'k'.repeat(64 * 1024 + 1), 'x']);

  expect(large.code).toBe(exitCodes.failed);
  expect(large.stderr).toMatch(/maxValueBytes.*KV_TOO_LARGE/);
  expect(large.stderr).toContain('raise the limit');
  expect(key.stderr).toMatch(/maxKeyBytes.*KV_TOO_LARGE/);
  const endless = await quorate.run(['put', 'large'], { input: Buffer.alloc(17 * 1024 * 1024) });
  expect(endless.stderr).toContain('more than 16777216 bytes');
});

test('a put keeps the value, or the lease', async () => {
  const lease = (await quorate.out(['lease', 'grant', '60', '--id', '6001'])).split(' ')[0] ?? '';
  await quorate.out(['put', 'kept', 'value', '--lease', lease]);

  await quorate.out(['put', 'kept', 'other', '--ignore-lease']);
  expect(await quorate.json(['get', 'kept'])).toMatchObject([{ value: 'other', lease: 6001 }]);
  await quorate.out(['put', 'kept', '--ignore-value']);
  expect(await quorate.json(['get', 'kept'])).toMatchObject([
    { value: 'other', lease: 0, version: 3 },
  ]);
  const none = await quorate.run(['put', 'never', '--ignore-value']);
  expect(none).toMatchObject({ code: exitCodes.notFound });
  const unleased = await quorate.run(['put', 'kept', 'x', '--lease', '999']);
  expect(unleased).toMatchObject({ code: exitCodes.notFound });
  await quorate.out(['lease', 'revoke', lease]);
});

test('a transaction says which way it went', async () => {
  const text = 'absent(lock)\n\nput lock me\nget lock\n\nget lock\n';

  const first = await quorate.out(['txn'], { input: text });
  const second = await quorate.run(['txn'], { input: text });

  expect(first).toBe('SUCCESS\nOK\nlock\nme\n');
  expect(second).toMatchObject({
    code: exitCodes.refused,
    stdout: 'FAILURE\nlock\nme\n',
    stderr: '',
  });
});

test('a transaction is read from a file, and as JSON', async () => {
  await writeFile(
    path.join(quorate.folder, 'txn.txt'),
    '\nput t/1 "a b" --prev\nput t/2 c\nget t/ --prefix --count-only\n',
  );
  const request = {
    compare: [{ key: 't/1', target: 'value', result: 'equal', value: 'a b' }],
    // oxlint-disable-next-line unicorn/no-thenable -- It is data.
    then: [{ type: 'delete', prefix: 't/', previous: true }],
  };

  const done = await quorate.out(['txn', 'txn.txt'], { cwd: quorate.folder });
  const [answer] = await quorate.json(['txn'], { input: JSON.stringify(request) });

  expect(done).toBe('SUCCESS\nOK\nOK\n2\n');
  expect(answer).toMatchObject({
    succeeded: true,
    results: [{ type: 'delete', deleted: 2, previous: [{ key: 't/1', value: 'a b' }, {}] }],
  });
});

test.each([
  ['{"then": [}', 'line 1, column 11'],
  ['{"them": []}', 'does not know "them" (did you mean "then"?)'],
  ['{"then": [{"type": "put", "key": ""}]}', 'at /then/0/key'],
  ['absent(k)\n\nptu a b', 'line 3, column 1: wanted put, get or del'],
  [Buffer.from([0x61, 0xff]), 'not UTF-8'],
])('the transaction %s is refused with its place', async (input, message) => {
  const ended = await quorate.run(['txn'], { input });

  expect(ended).toMatchObject({ code: exitCodes.usage, stdout: '' });
  expect(ended.stderr).toContain(message);
});

test('a transaction in a file that is not there is refused', async () => {
  const ended = await quorate.run(['txn', 'nowhere.txt'], { cwd: quorate.folder });

  expect(ended.code).toBe(exitCodes.usage);
  expect(ended.stderr).toContain('the file nowhere.txt cannot be read (ENOENT)');
});
