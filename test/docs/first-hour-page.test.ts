import { expect, test } from 'vitest';

import {
  differenceFrom,
  shellBlocksIn,
  withPortsMoved,
  withPortsMovedBack,
} from './first-hour-page.ts';

const pageOf = (text: string) => ({ path: 'docs/page.md', text });

test('blocks for a shell are found with their marks and what they print', () => {
  const text = `# Page
\`\`\`sh run
cd here
\`\`\`
\`\`\`ts
const a = 1;
\`\`\`
\`\`\`sh run until fails
false
\`\`\`
It says:
\`\`\`text output
no
\`\`\`
`;

  expect(shellBlocksIn(pageOf(text))).toEqual([
    {
      page: 'docs/page.md',
      line: 2,
      script: 'cd here\n',
      output: undefined,
      fails: false,
      isRepeated: false,
    },
    {
      page: 'docs/page.md',
      line: 8,
      script: 'false\n',
      output: 'no\n',
      fails: true,
      isRepeated: true,
    },
  ]);
});

test.each(['sh', 'sh ran', 'sh until', 'sh run untill'])(
  'a block marked "%s" would not be followed, and is refused',
  (info) => {
    const text = `\n\`\`\`${info}\ntrue\n\`\`\`\n`;

    expect(() => shellBlocksIn(pageOf(text))).toThrow(/^docs\/page\.md:2: .*"sh run"/);
  },
);

const table = `NAME  ROLE      TERM  REVISION  FREE
a     leader       1        10  64.4 GiB
b     follower     1        10  64.4 GiB
c     voter        -         -  -
`;

test.each([
  ['widths of columns', 'a  b\n', 'a      b'],
  ['hashes', 'hash 25cbd3b1f2a69f44', 'hash 0000000000000001'],
  [
    'times and sizes',
    'saved 1 B at 2026-03-01T12:00:00Z',
    'saved 2.5 MiB at 1999-01-01T00:00:00.123Z',
  ],
  [
    'who leads, and in which term',
    table,
    table.replace('leader  ', 'follower').replace('b     follower     1', 'b leader 12'),
  ],
  ['what "..." stands for', 'a: ...\nb', 'a: x y\nb'],
  ['obituaries of a shell', 'a', '.block-3: line 1: 4711 Killed    quorate serve\na'],
])('of what is printed, %s may differ', (_, shown, printed) => {
  expect(differenceFrom(shown, printed)).toBeUndefined();
});

test.each([
  ['a revision', 'OK (revision 2)', 'OK (revision 3)'],
  ['a line that is missing', 'a\nb', 'a'],
  ['a line too many', 'a', 'a\nb'],
  ['two leaders', table, table.replace('follower', 'leader')],
  ['no leader', table, table.replace('leader', 'follower')],
  ['a member that does not answer', table, table.replace('b     follower     1', 'b voter -')],
  ['more than "..." stands for', 'a: ...', 'a: x\ny'],
  ['a hash that is no hash', 'hash 25cbd3b1f2a69f44', 'hash 25cbd3b1'],
])('of what is printed, %s may not differ', (_, shown, printed) => {
  expect(differenceFrom(shown, printed)).toBeDefined();
});

test('ports are moved, and moved back in what is printed', () => {
  const script = 'quorate serve --listen 127.0.0.1:7002 --http 127.0.0.1:8002 --name x1000';

  const moved = withPortsMoved(script, 10_000);

  expect(moved).toBe('quorate serve --listen 127.0.0.1:17002 --http 127.0.0.1:18002 --name x1000');
  expect(withPortsMovedBack(moved, 10_000)).toBe(script);
});
