import { expect, test } from 'vitest';

import { tableRowsIn } from './table-rows.ts';

test('the rows of each table are its cells, without its head', () => {
  const page = `# Page

| Name | Value |
| --- | --- |
| \`a\` | one |
| \`b\` | |

\`\`\`text
| no | table |
\`\`\`

| Third |
| :-: |
| c |
`;

  const rows = tableRowsIn(page);

  expect(rows).toEqual([['`a`', 'one'], ['`b`', ''], ['c']]);
});
