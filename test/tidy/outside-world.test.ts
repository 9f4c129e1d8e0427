import { describe, expect, test } from 'vitest';

import { findingsInSource } from './made-up-tree.ts';

describe('the core', () => {
  test.each([
    'const x = Date.now();',
    'let x: Date;',
    'performance.now();',
    'setTimeout(f, 1);',
    'setImmediate(f);',
    'queueMicrotask(f);',
    'Math.random();',
    `Math['random']();`,
    'crypto.randomUUID();',
    'let x: Promise<void>;',
    'process.exit();',
    'console.log(1);',
    'globalThis.x = 1;',
    'void fetch(x);',
    'async function f() {}',
    'const f = async () => {};',
    'for await (const x of y) {}',
    'await x;',
    'let x: AbortSignal;',
    'let x: NodeJS.Timeout;',
    'let x: Buffer;',
    `import 'node:events';`,
  ])('may not have `%s`', (text) => {
    const findings = findingsInSource('core/a.ts', `\n\n${text}\n`);

    expect(findings.length).toBeGreaterThan(0);
    expect(findings[0]).toMatch(/^packages\/quorate\/src\/core\/a\.ts:3: /);
  });

  test('may use names of the outside world as members and keys', () => {
    const text = 'event.process; const x = { Date: 1, await: 2 }; type T = { console: 1 };';

    expect(findingsInSource('core/a.ts', text)).toEqual([]);
  });
});

describe('the rooms around the core', () => {
  test.each([
    ['contract/a.ts', `import 'node:events';`],
    ['contract/a.ts', 'let x: Buffer;'],
    ['node/a.ts', 'Date.now();'],
    ['node/a.ts', 'setTimeout(f, 1);'],
    ['node/a.ts', 'AbortSignal.timeout(1);'],
    ['node/a.ts', 'Math.random();'],
    ['node/a.ts', 'process.on(x);'],
    ['node/a.ts', `import 'node:fs';`],
    ['node/a.ts', `import 'node:crypto';`],
    ['storage/wal/a.ts', `import 'node:fs/promises';`],
    ['testing/a.ts', `import 'node:net';`],
    ['network/memory/a.ts', 'setTimeout(f, 1);'],
    ['network/memory.ts', 'setTimeout(f, 1);'],
    ['errors.ts', 'Date.now();'],
  ])('%s may not have `%s`', (path, text) => {
    expect(findingsInSource(path, `\n${text}`)).toEqual([
      expect.stringContaining(`packages/quorate/src/${path}:2: `),
    ]);
  });

  test('may wait, and import what has no clock, chance or I/O', () => {
    const text = `import 'node:zlib';
      import 'node:diagnostics_channel';
      export async function f(): Promise<void> { queueMicrotask(g); await h; }
      AbortSignal.any(x);`;

    expect(findingsInSource('node/a.ts', text)).toEqual([]);
  });
});

test('the platform and the real networks may have the outside world', () => {
  const text = `import 'node:fs'; setTimeout(f, Date.now() * Math.random());`;

  const findings = ['platform/a.ts', 'network/http.ts', 'network/http/a.ts', 'network/tcp/a.ts'];

  expect(findings.flatMap((path) => findingsInSource(path, text))).toEqual([]);
});
