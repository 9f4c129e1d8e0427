import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemberCluster } from '../member/support/member-cluster.ts';

// The page of each recipe shows a program of the examples, and what it prints.

const root = path.join(import.meta.dirname, '..', '..', '..', '..');
const recipes = ['lock', 'election', 'counter', 'barrier', 'collection'];
let cluster: MemberCluster;

beforeAll(async () => {
  cluster = await MemberCluster.start(['a', 'b', 'c']);
});

afterAll(() => cluster[Symbol.asyncDispose]());

function programOf(recipe: string): string {
  return path.join(root, 'examples', 'kv-recipes', `${recipe}.ts`);
}

/** The first block of that kind in the page of a recipe. */
function blockOf(recipe: string, kind: string): string {
  const page = readFileSync(path.join(root, 'docs', 'recipes', `${recipe}.md`), 'utf8');
  return page.split(`\`\`\`${kind}\n`)[1]?.split('```')[0] ?? '';
}

test.each(recipes)('the page of the %s shows the program as it is', (recipe) => {
  expect(blockOf(recipe, 'ts')).toBe(readFileSync(programOf(recipe), 'utf8'));
});

test.each(recipes)('the program of the %s prints what its page says', async (recipe) => {
  const servers = Object.values(cluster.peers).join(',');
  const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];

  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...flags, programOf(recipe), servers],
    { timeout: 40_000 },
  );

  expect(stdout).toBe(blockOf(recipe, 'text'));
});
