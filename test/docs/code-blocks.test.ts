import { expect, test } from 'vitest';

import { codeBlocksIn } from './code-blocks.ts';

test('blocks of TypeScript are found with page, line and mark, and the output of a program', () => {
  const text = `# Page
\`\`\`ts
const a = 1;
\`\`\`
\`\`\`sh
npm start
\`\`\`
\`\`\`ts run
console.log('two');
\`\`\`
It prints:
\`\`\`text output
two
\`\`\`
`;

  const blocks = codeBlocksIn({ path: 'docs/page.md', text });

  expect(blocks).toEqual([
    {
      page: 'docs/page.md',
      line: 2,
      fileName: 'docs-page-md-line-2.ts',
      code: 'const a = 1;\n',
      isProgram: false,
      output: undefined,
    },
    {
      page: 'docs/page.md',
      line: 8,
      fileName: 'docs-page-md-line-8.ts',
      code: `console.log('two');\n`,
      isProgram: true,
      output: 'two\n',
    },
  ]);
});
