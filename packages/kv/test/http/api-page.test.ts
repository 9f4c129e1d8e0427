import { readFileSync } from 'node:fs';
import path from 'node:path';

import { expect, test } from 'vitest';

import { errorKinds } from '../../src/errors.ts';
import { loadApi } from '../../src/server/http/api.ts';
import { Router } from '../../src/server/http/router.ts';
import { readTarget } from '../../src/server/http/target.ts';
import { operations } from './support/answers.ts';

const page = readFileSync(
  path.join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'api.md'),
  'utf8',
);

test('the page of the API has every operation of the file, under its name', () => {
  const headings = [...page.matchAll(/^### (\w+): `(\w+) (\S+)`$/gm)];

  expect(headings.map(([, id, method, route]) => `${id} ${method} ${route}`).sort()).toEqual(
    operations.map(({ id, method, path: route }) => `${id} ${method} ${route}`).sort(),
  );
});

test('the page of the API has the table of errors', () => {
  const rows = page.split('\n').filter((line) => line.startsWith('| `KV_'));

  expect(rows).toEqual(
    Object.entries(errorKinds).map(
      ([code, { status, retry, means, advice }]) =>
        `| \`${code}\` | ${status} | ${retry} | ${means} | ${advice} |`,
    ),
  );
});

test('every section of an operation has an example, and each example is one of its section', () => {
  const router = new Router(loadApi());
  const sections = page.split(/^### /m).slice(1);

  for (const section of sections) {
    const id = /^\w+/.exec(section)?.[0] ?? '';
    const blocks = [...(section.split(/^## /m)[0] ?? '').matchAll(/```sh\n([\s\S]*?)```/g)];
    const commands = blocks.flatMap(([, block = '']) => block.split(/^(?=curl )/m));
    expect(commands.length).toBeGreaterThan(0);
    const found = commands.map((command) => {
      const address = /localhost:8001(\/[^\s'"]*)/.exec(command)?.[1] ?? '';
      const method = /-X (\w+)/.exec(command)?.[1] ?? (command.includes('--json') ? 'POST' : 'GET');
      return router.find(method, readTarget(address).path).operation.id;
    });
    expect(found).toContain(id);
  }
});
