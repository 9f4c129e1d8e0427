import path from 'node:path';

import { expect, test } from 'vitest';

import { formatFinding, readProject } from './tidy/project-files.ts';
import { findUntidiness } from './tidy/tidy.ts';

test('the project keeps the rules of the house that a program can check', () => {
  const files = readProject(path.dirname(import.meta.dirname));

  const findings = findUntidiness(files);

  expect(findings.map(formatFinding)).toEqual([]);
});
