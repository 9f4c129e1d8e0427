import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { exitCodeMeanings, exitCodes } from '../../src/cli/exit-codes.ts';
import { failureOf } from '../../src/cli/failure.ts';
import { buildProgram, commandModules } from '../../src/cli/program.ts';
import { errorKinds, KvError, type KvErrorCode } from '../../src/errors.ts';
import { contextHere, runHere } from './support/in-process.ts';

interface Listed {
  readonly name: string;
  readonly help: string;
}

/** Every command that does something, with what its --help prints. */
const commands = listed(await buildProgram(contextHere([])), '');

function listed(command: Command, path: string): readonly Listed[] {
  return command.commands.flatMap((one) => {
    const name = `${path} ${one.name()}`.trim();
    return one.commands.length > 0 ? listed(one, name) : [{ name, help: one.helpInformation() }];
  });
}

test('quorate alone prints its help as an error', async () => {
  const ended = await runHere([]);

  expect(ended).toMatchObject({ code: exitCodes.usage, stdout: '' });
  expect(ended.stderr).toContain('Usage: quorate COMMAND');
});

test.each([['--help'], ['help']])('quorate %s prints its help', async (word) => {
  const ended = await runHere([word]);

  expect(ended).toMatchObject({ code: exitCodes.well, stderr: '' });
  for (const name of ['serve', 'get', 'put', 'del', 'txn', 'watch', 'lease', 'lock', 'elect']) {
    expect(ended.stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  }
});

test.each(commands.filter(({ name }) => name !== 'serve'))(
  'quorate $name --help ends with examples',
  async ({ name }) => {
    const [asked, helped] = [
      await runHere([...name.split(' '), '--help']),
      await runHere([...name.split(' '), '--hepl']),
    ];

    expect(asked.code).toBe(exitCodes.well);
    const examples = asked.stdout.split('\nExamples:\n')[1] ?? '';
    const shown = examples.split('\n').filter((line) => line.trim().startsWith('$'));
    expect(shown.length).toBeGreaterThan(0);
    expect(shown.join('\n')).toContain(`quorate ${name}`);
    expect(helped.code).toBe(exitCodes.usage);
    // What a command cannot do without is missed first.
    expect(helped.stderr).toMatch(
      /unknown option '--hepl'\n\(Did you mean --help\?\)|required option '--/,
    );
  },
);

test.each([
  [['gte', 'a'], "unknown command 'gte'", 'Did you mean get?'],
  [['lease', 'grnat', '3'], "unknown command 'grnat'", 'Did you mean grant?'],
  [['get', 'a', '--prefxi'], "unknown option '--prefxi'", 'Did you mean --prefix?'],
  [['get'], "missing required argument 'key'", 'See quorate'],
  [['get', 'a', 'b', 'c'], 'too many arguments', 'See quorate'],
  [['get', 'a', '--limit', 'x'], '--limit', 'Wanted a whole number'],
  [['get', 'a', '--limit'], '--limit', 'argument missing'],
  [['get', 'a', '--order', 'up'], '--order', 'Allowed choices are asc, desc'],
  [['get', 'a', '--prefix', '--from'], 'cannot be used with', '--prefix'],
  [['get', 'a', '--print-value-only', '--json'], 'cannot be used with', '--json'],
  [['--json', 'get', 'YQ==', '--base64'], 'cannot be used with', '--json'],
  [['get', 'a', '--endpoints', 'nowhere'], '--endpoints', 'Wanted HOST:PORT'],
  [['get', 'a', '--timeout', '5'], '--timeout', 'a number with its unit'],
  [['lock', 'a', '--wait', '25d'], '--wait', 'Wanted 24d at most'],
  [['get', ''], 'KEY is empty', '--prefix ""'],
  [['get', 'b', 'a'], 'No key lies between', 'Name the lower one first'],
  [['get', 'a', 'b', '--prefix'], 'END has no place beside --prefix', 'Leave END out'],
  [['get', 'xyz', '--hex'], 'KEY is not hexadecimal: "xyz"', 'two digits'],
  [['get', 'a', '--base64'], 'KEY is not base64', 'Encode it'],
  [['get', 'a\ufffd'], 'no UTF-8', '--hex'],
  [['put', ''], 'KEY is empty', 'Name a key'],
  [['put', 'a', 'b', '--ignore-value'], 'VALUE has no place', 'Leave one'],
  [['put', 'a', 'b', '--lease', '-1'], '--lease', 'whole number'],
  [['watch', 'a', 'b', 'c'], 'watch takes KEY and END', 'Put -- before'],
  [['watch', 'a', '--'], 'Behind -- stands no command', 'Name one'],
  [['lock', 'a', 'true'], 'lock takes one NAME; got "true" too', 'Put -- before'],
  [['lock', 'a', '--try', '--wait', '1s'], 'cannot be used with', '--wait'],
  [['lock', '--', 'echo', 'hi'], 'NAME must stand before --', 'lock NAME -- CMD'],
  [['lock', '--', 'true'], 'NAME must stand before --', 'lock NAME -- CMD'],
  [['watch', '--', 'sh', '-c', 'true'], 'KEY must stand before --', 'by --hex'],
  [['lock', '', '--', 'true'], 'NAME is empty', 'Name it'],
  [['elect', '', 'me'], 'NAME is empty', 'Name it'],
  [
    ['get', 'a', '--cert', 'package.json', '--key', 'package.json', '--ca', 'package.json'],
    '--cert, --key and --ca do not go together',
    'in PEM',
  ],
  [['elect', 'a'], 'elect wants a VALUE', 'Say what'],
  [['elect', 'a', 'b', '--listen'], 'VALUE has no place', 'Leave one'],
  [['compact', 'x'], 'revision', 'Wanted a whole number'],
  [['lease', 'grant', '5', '--id', '0'], '--id wants at least 1', 'Leave it out'],
  [['lease', 'grant', 'long'], 'ttl', 'a number with its unit'],
  [['--json', 'serve', '--name', 'a'], 'serve must be the first word', 'quorate serve --help'],
  [['lease'], 'Usage: quorate lease', 'grant'],
  [['completion', 'csh'], 'csh', 'Allowed choices are bash, zsh, fish'],
  [['get', 'a', '--cert', 'x'], 'TLS wants --cert, --key and --ca together', '--key and --ca'],
  [
    ['get', 'a', '--cert', '/no/c', '--key', '/no/k', '--ca', '/no/a'],
    '--cert: the file /no/c cannot be read (ENOENT)',
    'in PEM',
  ],
])('%j is refused as wrong, and says what to do', async (args, ...said) => {
  const ended = await runHere(args);

  expect(ended).toMatchObject({ code: exitCodes.usage, stdout: '' });
  for (const words of said) expect(ended.stderr).toContain(words);
});

test('what was given before the command counts as if it stood behind it', async () => {
  const ended = await runHere(['--timeout', 'soon', 'get', 'a']);
  const none = await runHere(['--timeout', '50ms', '--endpoints', '127.0.0.1:1', 'get', 'a']);

  expect(ended.stderr).toContain("option '--timeout <duration>' argument 'soon' is invalid");
  expect(none.code).toBe(exitCodes.unreachable);
  expect(none.stderr).toContain('within 50 ms from 127.0.0.1:1');
});

test('each module adds the commands that it is loaded for, and no others', async () => {
  for (const { names } of commandModules.filter((one) => !one.names.includes('completion'))) {
    for (const name of names) {
      const program = await buildProgram(contextHere(['--timeout', '1s', '--json', name]));

      expect(program.commands.map((one) => one.name())).toEqual(['serve', ...names]);
    }
  }
});

test('the version is that of the package', async () => {
  const alone = await runHere(['--version']);
  const behind = await runHere(['get', 'a', '--version']);

  expect(alone).toMatchObject({ code: exitCodes.well, stderr: '' });
  expect(alone.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(behind).toEqual(alone);
});

test('with QUORATE_DEBUG a failure shows where it happened', async () => {
  const args = ['get', 'a', '--cert', 'x'];
  const plain = await runHere(args);
  const debugged = await runHere(args, { env: { QUORATE_DEBUG: '1' } });

  expect(plain.stderr).not.toContain('connect.ts');
  expect(debugged.stderr).toMatch(/^ +at .*connect\.ts/m);
});

test('every exit code is one of its own, and has a meaning', () => {
  const codes = Object.values(exitCodes);

  expect(new Set(codes).size).toBe(codes.length);
  expect(Object.keys(exitCodeMeanings)).toEqual(Object.keys(exitCodes));
});

test('an error of the store names its code, and says what to do', () => {
  const known = Object.keys(errorKinds) as readonly KvErrorCode[];
  const failures = known.map((code) => failureOf(new KvError(code, 'Something is so.')));

  for (const [at, failure] of failures.entries()) {
    const code = known[at] as KvErrorCode;
    expect(failure.message).toBe(`Something is so. (${code})`);
    expect(failure).toHaveProperty('advice', errorKinds[code].advice);
    expect(failure.exitCode).not.toBe(exitCodes.well);
  }
  const codeOf = (code: KvErrorCode): number | undefined => failures[known.indexOf(code)]?.exitCode;
  expect(codeOf('KV_LEASE_NOT_FOUND')).toBe(exitCodes.notFound);
  expect(codeOf('KV_NO_LEADER')).toBe(exitCodes.unreachable);
  expect(codeOf('KV_INVALID')).toBe(exitCodes.usage);
  expect(codeOf('KV_COMPACTED')).toBe(exitCodes.failed);
});
