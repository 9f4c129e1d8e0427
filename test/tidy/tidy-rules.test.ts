import { describe, expect, test } from 'vitest';

import { findingsIn, findingsInSource } from './made-up-tree.ts';

const word = ['TO', 'DO'].join('');

describe('sizes', () => {
  test('a file may have 350 lines and not 351', () => {
    const atLimit = findingsInSource('core/a.ts', 'f();\n'.repeat(350));
    const over = findingsInSource('core/a.ts', 'f();\n'.repeat(351));

    expect(atLimit).toEqual([]);
    expect(over).toEqual([
      'packages/quorate/src/core/a.ts:351: The file has 351 lines; 350 is the end. ' +
        'Split it by idea.',
    ]);
  });

  test('a function may have 60 lines and not 61', () => {
    const withLines = (count: number): string => `\nfunction f() {\n${'g();\n'.repeat(count - 2)}}`;

    expect(findingsInSource('core/a.ts', withLines(60))).toEqual([]);
    expect(findingsInSource('core/a.ts', withLines(61))).toEqual([
      'packages/quorate/src/core/a.ts:2: The function has 61 lines; 60 is a screen.',
    ]);
  });

  test('a group of tests may be long, and a test may not', () => {
    const body = 'f();\n'.repeat(70);
    const tests = "test('a', f);\n".repeat(70);
    const findings = findingsIn({
      'test/a.test.ts': `describe('a', () => {\n${tests}});\nf(() => {\ntest.each(x)(y);${body}});`,
      'test/b.test.ts': `describe('b', () => {\ntest('b', () => {\n${body}});\n});`,
    });

    expect(findings).toEqual(['test/b.test.ts:2: The function has 72 lines; 60 is a screen.']);
  });

  test('a comment may be 100 columns wide, and an address wider', () => {
    const findings = findingsInSource(
      'core/a.ts',
      `// ${'x'.repeat(97)}\n// https://${'x'.repeat(97)}\n/*\n ${'x'.repeat(100)}\n*/`,
    );

    expect(findings).toEqual([
      'packages/quorate/src/core/a.ts:4: The comment is 101 columns wide; 100 is the end.',
    ]);
  });
});

describe('files that nobody uses', () => {
  test('are those that nobody imports and nobody names', () => {
    const findings = findingsIn({
      'packages/quorate/src/core/a.ts': '',
      'packages/quorate/src/index.ts': '',
      'packages/quorate/package.json': '{ "exports": "./src/index.ts" }',
      'examples/counter.ts': '',
      'bench/in-process.ts': '',
      'examples/kv/main.ts': '',
      'examples/kv/forgotten.ts': '',
      'examples/kv/run.sh': 'node examples/kv/main.ts',
      'README.md': 'Run `node examples/counter.ts`, and read core/a.ts.',
    });

    expect(findings).toEqual([
      'packages/quorate/src/core/a.ts:1: Nobody imports this file, and no script or page names it.',
      'examples/kv/forgotten.ts:1: Nobody imports this file, and no script or page names it.',
    ]);
  });
});

describe('leftovers', () => {
  test('are found in every kind of file', () => {
    const findings = findingsIn({
      'docs/a.md': `One.\n${word}: two.`,
      'tools/a.sh': `# see ${['', 'home', 'ann'].join('/')}/x\nls ${['', 'work', 'x'].join('/')}`,
    });

    expect(findings).toEqual([
      `docs/a.md:2: "${word}": do it now or write it down.`,
      expect.stringMatching(/^tools\/a\.sh:1: .* one machine only/),
      expect.stringMatching(/^tools\/a\.sh:2: .* one machine only/),
    ]);
  });

  test('of tests are `only`, a skip without a reason, and sleep', () => {
    const findings = findingsIn({
      'test/a.test.ts': `import { setTimeout } from 'node:timers/promises';
        test.only('a', f);
        test.skip('b', f);
        describe.skipIf(x)('c', f);
        // Needs a file system that can lose power.
        test.skip('d', f);
        test.skip('e', f); // The store cannot do this.`,
    });

    expect(findings).toEqual([
      expect.stringContaining('test/a.test.ts:2: With ".only"'),
      expect.stringContaining('test/a.test.ts:3: ".skip" needs its reason'),
      expect.stringContaining('test/a.test.ts:4: ".skipIf" needs its reason'),
      expect.stringContaining('test/a.test.ts:1: Tests do not sleep'),
    ]);
  });
});

describe('links', () => {
  test('lead to files, folders and headings that exist', () => {
    const findings = findingsIn({
      'README.md': `# The name, and more
[a](docs/a.md), [b](docs), [c](docs/a.md#two-words), [d](#the-name-and-more), [e](https://e.org)
[f](docs/none.md)
[g](docs/a.md#none) and \`[h](none)\`
[i]: none.md
\`\`\`
[j](none.md)
\`\`\``,
      'docs/a.md': '## Two words\n\n[back](../README.md)',
    });

    expect(findings).toEqual([
      'README.md:3: The link leads nowhere: no "docs/none.md".',
      'README.md:4: The link leads nowhere: no heading "#none".',
      'README.md:5: The link leads nowhere: no "none.md".',
    ]);
  });
});

test('a file that cannot be parsed is reported with its place', () => {
  expect(() => findingsIn({ 'tools/a.ts': '\nconst = 1;' })).toThrow(/^tools\/a\.ts:2: /);
});
