import type { Logger } from 'quorate';
import { expect, test } from 'vitest';
import { AlertBook } from '../../src/server/alerts/alert-book.ts';
import { alertOf } from '../../src/server/alerts/kinds.ts';

function bookWithLines(): { readonly book: AlertBook; readonly lines: string[] } {
  const lines: string[] = [];
  const at =
    (level: string) =>
    (fields: object, text: string): void => {
      const { alert, about } = fields as Record<string, string>;
      lines.push(`${level} ${alert} ${about}: ${text}`);
    };
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
  return { book: new AlertBook(logger), lines };
}

test('an alert is one line when it begins, which says what to do, and one when it is over', () => {
  const { book, lines } = bookWithLines();
  const low = (free: number) =>
    alertOf('disk-low', 'a', `${free} are free.`, { advice: 'Make room.' });

  book.see(0, []);
  book.see(500, [low(10)]);
  book.see(1000, [low(9)]);
  book.see(1500, []);
  book.see(2000, []);
  book.see(2500, [low(8)]);

  expect(lines).toEqual([
    'warn disk-low a: 10 are free. Make room.',
    'info disk-low a: over: 9 are free.',
    'warn disk-low a: 8 are free. Make room.',
  ]);
});

test('two causes of one alert at a time are one line, that of the first', () => {
  const { book, lines } = bookWithLines();
  const slow = (message: string) => alertOf('slow-disk', 'a', message, { advice: '!' });

  book.see(0, [slow('silent'), slow('slow')]);
  book.see(500, [slow('silent'), slow('slow')]);
  book.see(1000, []);

  expect(lines).toEqual(['warn slow-disk a: silent !', 'info slow-disk a: over: silent']);
});

test('alerts of the same kind about different members are told apart', () => {
  const { book, lines } = bookWithLines();
  const silent = (member: string) => alertOf('member-silent', member, 'silent', { advice: '!' });

  book.see(0, [silent('b'), silent('c')]);
  book.see(1, [silent('c')]);

  expect(lines).toEqual([
    'warn member-silent b: silent !',
    'warn member-silent c: silent !',
    'info member-silent b: over: silent',
  ]);
});

test('an alert that gets graver is told again, and one of an error is an error', () => {
  const { book, lines } = bookWithLines();
  const ends = (severity: 'warning' | 'error') =>
    alertOf('certificate', 'a', 'ends', { severity, advice: '!' });

  book.see(0, [ends('warning')]);
  book.see(1, [ends('error')]);
  book.see(2, [ends('error')]);

  expect(lines).toEqual(['warn certificate a: ends !', 'error certificate a: ends !']);
});

test('an election is no news, and a longer time without a leader is', () => {
  const { book, lines } = bookWithLines();
  const without = [alertOf('no-leader', 'a', 'none', { advice: '!' })];

  book.see(0, without);
  book.see(1500, without);
  book.see(1600, []);
  expect(lines).toEqual([]);
  book.see(10_000, without);
  book.see(12_000, without);
  book.see(12_500, []);

  expect(lines).toEqual(['warn no-leader a: none !', 'info no-leader a: over: none']);
});
