import { expect, test } from 'vitest';
import { prefixEnd } from '../../src/bytes.ts';
import { txnFromText } from '../../src/cli/commands/txn-text.ts';

const key = Buffer.from('k');
const zero = Uint8Array.of(0);

test('a transaction has comparisons, and operations for either outcome', () => {
  const txn = txnFromText(`# A comment.
value("a b") = 'v "1"'
mod(k) > 5
version(k) != "3"
exists(k)
absent(k)

put k "new\\n" --lease 7 --prev
get k

del k
`);

  expect(txn).toEqual({
    compare: [
      { key: Buffer.from('a b'), target: 'value', result: 'equal', value: Buffer.from('v "1"') },
      { key, target: 'mod', result: 'greater', number: 5 },
      { key, target: 'version', result: 'notEqual', number: 3 },
      { key, target: 'version', result: 'greater', number: 0 },
      { key, target: 'version', result: 'equal', number: 0 },
    ],
    then: [
      { type: 'put', key, value: Buffer.from('new\n'), lease: 7, previous: true },
      { type: 'range', key },
    ],
    else: [{ type: 'delete', key }],
  });
});

test.each([
  ['put k v', { type: 'put', key, value: Buffer.from('v') }],
  ['put k v=(1)', { type: 'put', key, value: Buffer.from('v=(1)') }],
  ['put k v --lease 0x1f', { type: 'put', key, value: Buffer.from('v'), lease: 31 }],
  ['put k ""', { type: 'put', key, value: Buffer.of() }],
  ['put k "--prev"', { type: 'put', key, value: Buffer.from('--prev') }],
  [String.raw`put k "\xff\0\\"`, { type: 'put', key, value: Buffer.of(0xff, 0, 0x5c) }],
  [String.raw`put k '\n'`, { type: 'put', key, value: Buffer.from(String.raw`\n`) }],
  [String.raw`put k "\u00e4"`, { type: 'put', key, value: Buffer.from('ä') }],
  ['put k --ignore-value', { type: 'put', key, value: new Uint8Array(), ignoreValue: true }],
  ['put --ignore-lease k v', { type: 'put', key, value: Buffer.from('v'), ignoreLease: true }],
  ['del k --prefix --prev', { type: 'delete', key, end: prefixEnd(key), previous: true }],
  ['get "" --prefix', { type: 'range', key: zero, end: zero }],
  ['get k --from --count-only', { type: 'range', key, end: zero, countOnly: true }],
  ['get k z --limit=3', { type: 'range', key, end: Buffer.from('z'), limit: 3 }],
  ['get k --keys-only', { type: 'range', key, keysOnly: true }],
  [
    'get k --revision 4 --sort mod --order desc',
    { type: 'range', key, revision: 4, sort: { target: 'mod', order: 'descend' } },
  ],
])('%s is understood', (text, operation) => {
  const { then: done } = txnFromText(`\n${text}`);

  expect(done).toEqual([operation]);
});

test.each([
  ['value(k) = ', 'line 1, column 12: wanted a value, and the line ends'],
  ['valeu(k) = v', 'line 1, column 1: "valeu" compares nothing (did you mean "value"?)'],
  ['value k = v', 'line 1, column 7: wanted (; got "k"'],
  ['value(k = v', 'line 1, column 9: wanted ); got "="'],
  ['value("") = v', 'line 1, column 7: the key is empty'],
  ['mod(k) = soon', 'line 1, column 10: wanted a whole number; got "soon"'],
  ['mod(k) == 5', 'line 1, column 9: wanted a whole number; got "="'],
  ['value(k) == v', 'line 1, column 11: wanted a value; got "="'],
  ['mod(k) "=" 5', 'line 1, column 8: wanted =, !=, > or <; got "="'],
  ['mod(k) = 5 6', 'line 1, column 12: wanted the end of the line; got "6"'],
  ['mod(k) = 5 !', 'line 1, column 12: there is no ! here'],
  ['\nputt k v', 'line 2, column 1: wanted put, get or del; got "putt" (did you mean "put"?)'],
  ['\n  put k', 'line 2, column 8: wanted a value, and the line ends'],
  ['\nput k "v', 'line 2, column 7: the quotes that begin here have no end on this line'],
  [String.raw`${'\n'}put k "a\qb"`, String.raw`line 2, column 9: "\q" means nothing`],
  [String.raw`${'\n'}put k "\ud83d"`, String.raw`line 2, column 8: "\u" means nothing`],
  ['\nput k v --pref', 'line 2, column 9: there is no flag --pref (did you mean "--prev"?)'],
  ['\nput k v --lease', 'line 2, column 9: --lease wants a value behind it'],
  ['\nput k v --lease x', 'line 2, column 17: wanted a whole number; got "x"'],
  ['\nget k --prefix=1', 'line 2, column 7: --prefix takes no value'],
  ['\nget k --order up', 'line 2, column 15: wanted asc, desc; got "up"'],
  ['\nget "" x', 'line 2, column 5: the key is empty'],
  ['\nget k z y', 'line 2, column 9: wanted the end of the line; got "y"'],
  ['\n\n\nget k', 'line 4, column 1: the transaction has ended'],
])('%j is refused at its place', (text, message) => {
  expect(() => txnFromText(text)).toThrow(message);
});

test('whatever it is, a text is understood or refused at a place', () => {
  const pieces = ['value(', ')', '=', '"', "'", 'k', '\n', 'put ', '\\', '--prev', '!', ' ', '#'];
  let seed = 1;
  const draw = (most: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % most;
  };
  const complaints: string[] = [];
  for (let round = 0; round < 2000; round += 1) {
    const text = Array.from({ length: draw(12) }, () => pieces[draw(pieces.length)]).join('');
    try {
      txnFromText(text);
    } catch (error) {
      complaints.push(String(error));
    }
  }

  expect(complaints.length).toBeGreaterThan(1000);
  const homeless = complaints.filter((one) => !/^TxnTextError: line \d+, column \d+: ./.test(one));
  expect(homeless).toEqual([]);
});
