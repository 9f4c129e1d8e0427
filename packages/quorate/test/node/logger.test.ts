import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { channels } from '../../src/node/diagnostics.ts';
import { checkLogger, Journal, lines } from '../../src/node/logger.ts';

const page = readFileSync(
  new URL('../../../../docs/guide/observing.md', import.meta.url),
  'utf8',
).split('\n');

test('the page lists every line that can be written, at its level', () => {
  const listed = page.flatMap((row) => {
    const [, level, messages] = /^\| (error|warn|info|debug) \| ([^|]*)\|/.exec(row) ?? [];
    return [...(messages ?? '').matchAll(/`([^`]*)`/g)].map(([, message]) => [message, level]);
  });

  expect(listed).toEqual(Object.entries(lines));
});

test('the page lists every channel', () => {
  const listed = page.flatMap((row) => /^\| `(quorate:\w+)` \|/.exec(row)?.[1] ?? []);

  expect(listed).toEqual(Object.keys(channels));
});

test('a line goes to the method of its level, with the node in its fields', () => {
  const written: unknown[] = [];
  const note =
    (level: string) =>
    (...line: unknown[]): void =>
      void written.push([level, ...line]);
  const logger = {
    debug: note('debug'),
    info: note('info'),
    warn: note('warn'),
    error: note('error'),
  };
  const journal = new Journal('a', logger);

  journal.write('closed');
  journal.write('a member does not answer', { to: 'b' });

  expect(written).toEqual([
    ['info', { node: 'a' }, 'closed'],
    ['warn', { node: 'a', to: 'b' }, 'a member does not answer'],
  ]);
});

test('a logger keeps its this, and the console is one', () => {
  class Collector {
    readonly messages: string[] = [];
    debug(): void {}
    warn(): void {}
    error(): void {}
    info(_fields: object, message: string): void {
      this.messages.push(message);
    }
  }
  const collector = new Collector();

  new Journal('a', collector).write('started');

  expect(collector.messages).toEqual(['started']);
  expect(() => checkLogger(console)).not.toThrow();
});

test('a logger that rejects after all leaves no rejection behind', async () => {
  let asked = 0;
  const reject = async (): Promise<void> => {
    asked += 1;
    throw new Error('the log file is full');
  };

  const logger = { debug: reject, info: reject, warn: reject, error: reject };
  new Journal('a', logger).write('closed');
  // The test runner fails the run for a rejection that nobody takes.
  await new Promise((resolve) => void setImmediate(resolve));

  expect(asked).toBe(1);
});

test('what is no logger is refused with the method that is missing', () => {
  for (const wrong of [null, 7, 'console', {}]) {
    expect(() => checkLogger(wrong)).toThrow(/must have the methods .*; debug is undefined\.$/);
  }
  expect(() => checkLogger({ ...console, error: 'stderr' })).toThrow(/; error is stderr\.$/);
  expect(() => checkLogger(undefined)).not.toThrow();
});
