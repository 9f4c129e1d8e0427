import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readProject } from '../tidy/project-files.ts';

// What pages tell a reader to run in a checkout is there: scripts of npm, benchmarks with their
// options, tests by their path, and programs for Node.

const root = path.resolve(import.meta.dirname, '..', '..');
const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};
const pages = readProject(root).filter(
  ({ path: name }) => name.endsWith('.md') && !name.includes('CHANGELOG'),
);

interface Command {
  readonly place: string;
  readonly name: string;
  readonly rest: string;
}

/** Every place where this is written, with what comes after it in the line, or in its backticks. */
function commands(pattern: RegExp): readonly Command[] {
  return pages.flatMap(({ path: page, text }) =>
    text.split('\n').flatMap((line, at) =>
      [...line.matchAll(pattern)].map(([, name = '', rest = '']) => ({
        place: `${page}:${at + 1}`,
        name,
        rest,
      })),
    ),
  );
}

/** What is wrong with a line that runs a benchmark, if something is. */
function complaintAboutBench({ name, rest }: Command): string | undefined {
  const file = path.join(root, 'bench', `${name}.ts`);
  if (!existsSync(file)) return `there is no benchmark "${name}"`;
  const source = readFileSync(file, 'utf8');
  const flags = rest.match(/(?<= )--[a-z][\w-]*/g) ?? [];
  const unknown = flags.map((flag) => flag.slice(2)).find((flag) => !hasOption(source, flag));
  return unknown === undefined ? undefined : `bench/${name}.ts has no option --${unknown}`;
}

function hasOption(source: string, flag: string): boolean {
  return new RegExp(`^ +'?${flag}'?: \\{ type: `, 'm').test(source);
}

test('every script of npm that a page names is in package.json', () => {
  const named = commands(/npm run (?:-s )?([a-z][a-z:]*)/g);

  const wrong = named.filter(({ name }) => scripts[name] === undefined);

  expect(named.length).toBeGreaterThan(50);
  expect(wrong).toEqual([]);
});

test('every benchmark that a page names is there, with its options', () => {
  const named = commands(/npm run bench -- ([a-z][a-z-]*)([^`]*)/g);

  const wrong = named.flatMap((command) => {
    const complaint = complaintAboutBench(command);
    return complaint === undefined ? [] : [`${command.place}: ${complaint}`];
  });

  expect(named.length).toBeGreaterThan(15);
  expect(wrong).toEqual([]);
});

test('every benchmark is named in the page of figures', () => {
  const named = commands(/npm run bench -- ([a-z][a-z-]*)/g);
  const told = named.filter(({ place }) => place.startsWith('docs/performance.md'));
  const without = new Set([...told.map(({ name }) => name), 'all', 'plots']);

  const files = readdirSync(path.join(root, 'bench')).filter((file) => /^[a-z-]+\.ts$/.test(file));
  const missing = files
    .map((file) => path.basename(file, '.ts'))
    .filter((one) => !without.has(one));

  expect(missing).toEqual([]);
});

test('every test that a page tells to run by its path is there', () => {
  const named = commands(/npm test -- ([a-z][\w./-]*\/[\w./-]*)/g);

  const wrong = named.filter(({ name }) => {
    const folder = path.join(root, path.dirname(name));
    const isThere = existsSync(path.join(root, name));
    const start = path.basename(name);
    return (
      !isThere && !(existsSync(folder) && readdirSync(folder).some((one) => one.startsWith(start)))
    );
  });

  expect(named.length).toBeGreaterThan(1);
  expect(wrong).toEqual([]);
});

test('every program of this project that a page runs by node is there', () => {
  const named = commands(/node --conditions=quorate-source (\S+\.ts)/g);

  const wrong = named.filter(
    ({ name }) => name.includes('/') && !existsSync(path.join(root, name)),
  );

  expect(named.length).toBeGreaterThan(5);
  expect(wrong).toEqual([]);
});
