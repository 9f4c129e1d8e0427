import { readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../../src/protocol/limits.ts';
import { helpText } from '../../src/server/config/help.ts';
import { nearest } from '../../src/server/config/nearest.ts';
import { options } from '../../src/server/config/options.ts';
import { readConfig } from '../../src/server/config/read-config.ts';
import { compaction, duration, span, UnwantedValue } from '../../src/server/config/values.ts';
import { defaultHttpLimits } from '../../src/server/http/options.ts';

const page = path.join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'kv-config.md');

test('the page of the options has every one, with its flag, default and meaning', () => {
  const text = readFileSync(page, 'utf8');

  const rows = text.split('\n').filter((line) => /^\| `[a-zA-Z0-9.]+` \|/.test(line));

  expect(rows).toEqual(
    options.map(({ name, flag, default: byDefault, means }) => {
      const flagCell = flag === undefined ? '' : `\`--${flag.name}\``;
      return `| \`${name}\` | ${flagCell} | ${byDefault} | ${means} |`.replaceAll('  ', ' ');
    }),
  );
});

/** Options whose default is a value, and not a rule. */
const withValue = options.filter(
  ({ default: byDefault }) => !/^none|^its own|^this member|^`http|^mutual/.test(byDefault),
);

describe('the default that is told', () => {
  test.each(withValue)('of $name is one that it may have', (option) => {
    const place = { folder: '/' };

    expect(() => option.read(option.default, place)).not.toThrow();
  });

  test.each([
    ['http', defaultHttpLimits],
    ['limits', defaultLimits],
  ] as const)('of everything in %s is the one that holds', (group, defaults) => {
    const told = options
      .filter(({ name }) => name.startsWith(`${group}.`))
      .filter(({ name }) => Object.hasOwn(defaults, name.slice(group.length + 1)))
      .map(({ name, read, default: byDefault }) => [
        name.slice(group.length + 1),
        read(byDefault, { folder: '/' }),
      ]);

    expect(Object.fromEntries(told)).toEqual(defaults);
  });
});

test('the help has every flag, and its examples are right', () => {
  const text = helpText();

  for (const flag of options.flatMap((option) => option.flag ?? [])) {
    expect(text).toContain(`--${flag.name} ${flag.value}`);
  }
  const examples = text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.startsWith('  quorate serve'));
  expect(examples.length).toBeGreaterThan(3);
  for (const example of examples) {
    const args = example.trim().split(/\s+/).slice(2);
    const read = readConfig({ args, folder: '/', readFile: () => 'name: a\ndata: d\n' });
    expect(read).toMatchObject({ type: 'run' });
  }
});

test('what is near is found, and what is far is not', () => {
  const known = ['listen', 'limits.maxKeyBytes', 'name'];

  expect(nearest('Lisetn', known)).toBe('listen');
  expect(nearest('limits.maxkeybites', known)).toBe('limits.maxKeyBytes');
  expect(nearest('something', known)).toBeUndefined();
  expect(nearest('x'.repeat(10_000), known)).toBeUndefined();
});

describe('a span of time that no timer waits for', () => {
  const place = { folder: '/' };

  test.each([
    ['30d', 30 * 86_400_000],
    ['36500d', 36_500 * 86_400_000],
    ['1.5h', 5_400_000],
  ])('may be %s', (text, milliseconds) => {
    expect(span(text, place)).toBe(milliseconds);
    expect(compaction(`time:${text}`, place)).toEqual({ mode: 'time', keepMs: milliseconds });
  });

  test.each(['30', '36501d', '0s', '1y'])('may not be %s', (text) => {
    expect(() => span(text, place)).toThrow(UnwantedValue);
  });

  test('is longer than what a timer waits for', () => {
    expect(duration('24d', place)).toBe(24 * 86_400_000);
    expect(() => duration('25d', place)).toThrow('24d at most');
  });

  test('is what members keep of the past, and what lies between their backups', () => {
    const read = (name: string, text: string): unknown =>
      options.find((option) => option.name === name)?.read(text, place);

    expect(read('backup.every', '30d')).toBe(30 * 86_400_000);
    expect(read('compaction', 'time:90d,revisions:5')).toMatchObject({ keepMs: 90 * 86_400_000 });
  });
});
