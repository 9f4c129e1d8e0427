import { describe, expect, test } from 'vitest';

import { findingsIn, findingsInSource } from './made-up-tree.ts';

describe('the arrows between the rooms', () => {
  test('let a room import its own files and the rooms it may know', () => {
    const findings = [
      ...findingsInSource('core/leader.ts', `import './quorum.ts';`),
      ...findingsInSource('contract/network.ts', `import type { A } from '../core/types.ts';`),
      ...findingsInSource('node/raft.ts', `import { a } from '../platform/runtime.ts';`),
      ...findingsInSource('storage/wal/log.ts', `import { a } from '../../errors.ts';`),
      ...findingsInSource('testing/suite.ts', `import { a } from '../storage/memory.ts';`),
    ];

    expect(findings).toEqual([]);
  });

  test.each([
    ['core/a.ts', '../errors.ts', 'core must not import errors; it may import nothing outside'],
    ['contract/a.ts', '../node/raft.ts', 'contract must not import node'],
    ['storage/a.ts', '../network/http.ts', 'storage must not import network'],
    ['network/a.ts', '../storage/memory.ts', 'network must not import storage'],
    ['node/a.ts', '../storage/memory.ts', 'node must not import storage'],
    ['node/a.ts', '../network/memory.ts', 'node must not import network'],
    ['node/a.ts', '../testing/suite.ts', 'node must not import testing'],
    ['platform/a.ts', '../node/raft.ts', 'platform must not import node'],
    ['index.ts', './testing/suite.ts', 'index must not import testing'],
  ])('refuse %s importing %s', (path, specifier, message) => {
    const findings = findingsInSource(path, `\nimport { x } from '${specifier}';\n`);

    expect(findings).toEqual([
      expect.stringContaining(`packages/quorate/src/${path}:2: ${message}`),
    ]);
  });

  test.each([
    `export { x } from '../node/raft.ts';`,
    `export * from '../node/raft.ts';`,
    `export const x: import('../node/raft.ts').X = 1;`,
    `import type { x } from '../node/raft.ts';`,
  ])('refuse every way to import: %s', (text) => {
    const findings = findingsInSource('core/a.ts', text);

    expect(findings).toEqual([
      'packages/quorate/src/core/a.ts:1: core must not import node; ' +
        'it may import nothing outside itself.',
    ]);
  });

  test('let errors import types of the core, and nothing that runs', () => {
    const types = findingsInSource('errors.ts', `import type { A } from './core/types.ts';`);
    const values = findingsInSource('errors.ts', `import { A } from './core/types.ts';`);

    expect(types).toEqual([]);
    expect(values).toEqual([
      'packages/quorate/src/errors.ts:1: errors may import types of core only; ' +
        'write "import type".',
    ]);
  });

  test('keep the library free of other packages, of itself by name, and of its tests', () => {
    const findings = [
      ...findingsInSource('node/a.ts', `import 'left-pad';`),
      ...findingsInSource('node/a.ts', `import 'quorate';`),
      ...findingsInSource('node/a.ts', `import '../../test/help.ts';`),
    ];

    expect(findings).toEqual([
      expect.stringContaining('node/a.ts:1: The library imports its own files'),
      expect.stringContaining('node/a.ts:1: The library imports its own files'),
      expect.stringContaining('node/a.ts:1: "../../test/help.ts" leaves the sources'),
    ]);
  });

  test('refuse a folder that is no room', () => {
    const findings = findingsInSource('helpers/a.ts', `import '../core/types.ts';`);

    expect(findings).toEqual([expect.stringContaining('helpers/a.ts:1: "helpers" is no room')]);
  });

  test('let examples in through the front door only', () => {
    const findings = findingsIn({
      'examples/good.test.ts': `import 'quorate';\nimport 'quorate/storage/memory';`,
      'examples/bad.test.ts': `\nimport '../packages/quorate/src/node/raft.ts';`,
    });

    expect(findings).toEqual([
      'examples/bad.test.ts:2: "../packages/quorate/src/node/raft.ts" reaches into the library; ' +
        'import "quorate" or a public subpath.',
    ]);
  });

  test('let packages beside the library know its contracts alone', () => {
    const findings = findingsIn({
      'packages/other/package.json': '{ "exports": "./src/good.ts" }',
      'packages/other/src/good.ts': `import 'quorate';\nimport 'node:path';\nimport './bad.ts';`,
      'packages/other/src/bad.ts': [
        `import 'quorate/storage/wal';`,
        `import '../../quorate/src/index.ts';`,
        `import '../test/help.test.ts';`,
      ].join('\n'),
      'packages/other/test/help.test.ts': `import 'quorate/testing';`,
    });

    expect(findings).toEqual([
      expect.stringContaining('src/bad.ts:1: A package beside the library imports "quorate" alone'),
      expect.stringContaining('src/bad.ts:2: "../../quorate/src/index.ts" leaves the sources'),
      expect.stringContaining('src/bad.ts:3: "../test/help.test.ts" leaves the sources'),
    ]);
  });

  test('let the rooms of the key-value server know those below them', () => {
    const findings = findingsIn({
      'packages/kv/package.json': '{ "exports": "./src/index.ts" }',
      'packages/kv/src/index.ts': `export * from './server/a.ts';\nexport * from './store/a.ts';`,
      'packages/kv/src/types.ts': `import './errors.ts';`,
      'packages/kv/src/errors.ts': '',
      'packages/kv/src/server/a.ts': `import '../store/b.ts';\nimport 'quorate/storage/wal';`,
      'packages/kv/src/store/a.ts': `import '../server/a.ts';\nimport 'quorate/network/tcp';`,
      'packages/kv/src/store/b.ts': `import '../types.ts';\nimport '../../test/c.test.ts';`,
      'packages/kv/test/c.test.ts': `import '../../quorate/test/sim/b.test.ts';`,
      'packages/quorate/test/sim/b.test.ts': '',
    });

    expect(findings).toEqual([
      expect.stringContaining('store/a.ts:1: store must not import server'),
      expect.stringContaining('store/a.ts:2: store must not import "quorate/network/tcp"'),
      expect.stringContaining('store/b.ts:2: "../../test/c.test.ts" leaves the sources'),
    ]);
  });
});
