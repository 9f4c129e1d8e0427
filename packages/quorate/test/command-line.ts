import { type ParseArgsConfig, parseArgs } from 'node:util';

// What the programs behind `npm run walk`, `npm run explore` and the like have in common: they read
// options, say what is wrong with them, and end with 0 (right), 1 (something was found) or 2.

/** What was asked for cannot be done. The message says what was wanted and what came. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<Wanted extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: Wanted }>
>['values'];

/** @throws {UsageError} for an option that is none, or one that lacks its value. */
export function readOptions<const Wanted extends Options>(
  options: Wanted,
  args: readonly string[] = process.argv.slice(2),
): Values<Wanted> {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const [what = ''] = error.message.split('. ');
    const names = Object.keys(options).map((name) => `--${name}`);
    const end = what.endsWith('.') ? '' : '.';
    throw new UsageError(`${what}${end} The options are ${names.join(', ')}.`, { cause: error });
  }
}

/** A whole number; underscores may stand between its digits. */
export function wholeNumber(
  name: string,
  text: string,
  { from = 1, to = Number.MAX_SAFE_INTEGER }: { readonly from?: number; readonly to?: number } = {},
): number {
  const value = toNumber(text);
  if (Number.isSafeInteger(value) && value >= from && value <= to) return value;
  const range = to === Number.MAX_SAFE_INTEGER ? `from ${from}` : `from ${from} to ${to}`;
  throw new UsageError(`--${name} must be a whole number ${range}, not ${JSON.stringify(text)}.`);
}

/** A number above 0, such as one of minutes. */
export function numberAboveZero(name: string, text: string): number {
  const value = toNumber(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`--${name} must be a number above 0, not ${JSON.stringify(text)}.`);
}

export function oneOf<Word extends string>(
  name: string,
  text: string,
  words: readonly Word[],
): Word {
  const word = words.find((one) => one === text);
  if (word !== undefined) return word;
  const wanted = words.join(', ');
  throw new UsageError(`--${name} must be one of ${wanted}, not ${JSON.stringify(text)}.`);
}

/** Of these options one can be given at the most. */
export function atMostOneOf(given: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(given).filter(
    (name) => given[name] !== undefined && given[name] !== false,
  );
  if (names.length <= 1) return;
  const list = names.map((name) => `--${name}`).join(' and ');
  throw new UsageError(`${list} cannot go together: each of them says what is to be run.`);
}

/** Looks at what was given: a file that cannot be read, or has something else in it, is misuse. */
export async function looking<Result>(look: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await look();
  } catch (error) {
    const isTheirs =
      error instanceof RangeError || error instanceof SyntaxError || isOfFiles(error);
    if (!isTheirs) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

/**
 * Runs a program to its exit code; `true` is 0 and `false` 1. `--help` prints `usage` instead. What
 * else than misuse is thrown is a mistake of the program, and stays as it is, stack and all.
 */
export async function runCommand(
  name: string,
  usage: string,
  main: () => Promise<boolean | number>,
): Promise<void> {
  if (process.argv.includes('--help')) {
    console.log(usage);
    return;
  }
  try {
    const outcome = await main();
    process.exitCode ??= typeof outcome === 'number' ? outcome : Number(!outcome);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n"npm run ${name} -- --help" shows what can be asked for.`);
    process.exitCode = 2;
  }
}

/** `Number('')` is 0, which nobody meant. */
function toNumber(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text.replaceAll('_', ''));
}

function isOfFiles(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && 'path' in error;
}
