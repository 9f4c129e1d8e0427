import { rangeFrom } from '../../client/text.ts';
import type { Keys } from '../../client.ts';
import { suggestion } from '../../server/config/nearest.ts';
import type { Compare, CompareResult, SortTarget, TxnOperation, TxnRequest } from '../../types.ts';
import { isSign, TxnTextError, type Word, wordsOf } from './txn-words.ts';

/*
 * A transaction as text: comparisons, an empty line, what is done if all of them hold, an empty
 * line, what is done otherwise. A line that begins with # is a comment.
 */

export const txnSections = ['compare', 'then', 'else'] as const;
export type TxnSection = (typeof txnSections)[number];

/** Puts a transaction together line by line. */
export class TxnReader {
  readonly #compare: Compare[] = [];
  readonly #then: TxnOperation[] = [];
  readonly #else: TxnOperation[] = [];
  #at = 0;

  /** Where the next line belongs; `undefined` once nothing more may come. */
  get section(): TxnSection | undefined {
    return txnSections[this.#at];
  }

  /** @throws {TxnTextError} and stays as it was, so that the line can be given again. */
  line(text: string, number: number): void {
    if (/^\s*#/.test(text)) return;
    if (text.trim() === '') {
      this.#at = Math.min(this.#at + 1, txnSections.length);
      return;
    }
    switch (this.section) {
      case 'compare':
        this.#compare.push(comparisonOf(text, number));
        return;
      case 'then':
        this.#then.push(operationOf(text, number));
        return;
      case 'else':
        this.#else.push(operationOf(text, number));
        return;
      case undefined: {
        const message = 'the transaction has ended: comparisons, then, else, and no more';
        throw new TxnTextError(message, { line: number, column: text.search(/\S/) + 1 });
      }
    }
  }

  request(): TxnRequest {
    // oxlint-disable-next-line unicorn/no-thenable -- It is data.
    return { compare: this.#compare, then: this.#then, else: this.#else };
  }
}

/** @throws {TxnTextError} */
export function txnFromText(text: string): TxnRequest {
  const reader = new TxnReader();
  const lines = text.split(/\r?\n/);
  // What ends the last line begins no other one, and empty lines at the end say nothing.
  while (lines.at(-1)?.trim() === '' && lines.length > 0) lines.pop();
  for (const [at, line] of lines.entries()) reader.line(line, at + 1);
  return reader.request();
}

const relations: Readonly<Record<string, CompareResult>> = {
  '=': 'equal',
  '!=': 'notEqual',
  '>': 'greater',
  '<': 'less',
};

const targets = ['value', 'version', 'create', 'mod', 'lease'] as const;
const comparisons: readonly string[] = [...targets, 'exists', 'absent'];

/** `value(KEY) = VALUE`, `mod(KEY) > 5`, `exists(KEY)` */
function comparisonOf(text: string, line: number): Compare {
  const words = new Words(wordsOf(text, line, 'comparison'), { line, length: text.length });
  const about = words.next(`one of ${comparisons.join(', ')}`);
  const name = about.text;
  if (!comparisons.includes(name)) {
    const hint = suggestion(name, comparisons);
    throw words.error(about, `"${name}" compares nothing${hint}; wanted ${comparisons.join(', ')}`);
  }
  words.sign('(');
  const key = words.key('the key in brackets');
  words.sign(')');
  if (name === 'exists' || name === 'absent') {
    words.end();
    return { key, target: 'version', result: name === 'exists' ? 'greater' : 'equal', number: 0 };
  }
  const relation = words.next('=, !=, > or <');
  const result = relation.isQuoted ? undefined : relations[relation.text];
  if (result === undefined) {
    throw words.error(relation, `wanted =, !=, > or <; got ${JSON.stringify(relation.text)}`);
  }
  const operand = words.next(name === 'value' ? 'a value' : 'a number');
  if (name === 'value') {
    if (isSign(operand)) throw words.error(operand, `wanted a value; got "${operand.text}"`);
    words.end();
    return { key, target: name, result, value: operand.bytes };
  }
  const number = words.number(operand);
  words.end();
  return { key, target: name as Exclude<(typeof targets)[number], 'value'>, result, number };
}

type FlagKind = 'yes' | 'number' | readonly string[];

const keysFlags = { prefix: 'yes', from: 'yes' } as const;
const operations: Readonly<Record<string, Readonly<Record<string, FlagKind>>>> = {
  put: { lease: 'number', prev: 'yes', 'ignore-value': 'yes', 'ignore-lease': 'yes' },
  get: {
    ...keysFlags,
    limit: 'number',
    revision: 'number',
    order: ['asc', 'desc'],
    sort: ['key', 'version', 'create', 'mod', 'value'],
    'keys-only': 'yes',
    'count-only': 'yes',
  },
  del: { ...keysFlags, prev: 'yes' },
};

/** `put KEY VALUE`, `get KEY [END]`, `del KEY [END]`, with the flags of the commands. */
function operationOf(text: string, line: number): TxnOperation {
  const words = new Words(wordsOf(text, line, 'operation'), { line, length: text.length });
  const about = words.next('put, get or del');
  const known = Object.hasOwn(operations, about.text) ? operations[about.text] : undefined;
  if (known === undefined) {
    const hint = suggestion(about.text, Object.keys(operations));
    throw words.error(about, `wanted put, get or del; got "${about.text}"${hint}`);
  }
  const flags = words.flags(known);
  switch (about.text) {
    case 'put':
      return putOf(words, flags);
    case 'del': {
      const keys = keysOf(words, flags);
      return { type: 'delete', ...keys, ...(flags.has('prev') ? { previous: true } : {}) };
    }
    default:
      return getOf(words, flags);
  }
}

type Flags = ReadonlyMap<string, number | string | true>;

function putOf(words: Words, flags: Flags): TxnOperation {
  const key = words.key('a key');
  const keepsValue = flags.has('ignore-value');
  const value = keepsValue ? new Uint8Array() : words.next('a value').bytes;
  words.end();
  const lease = flags.get('lease');
  return {
    type: 'put',
    key,
    value,
    ...(typeof lease === 'number' ? { lease } : {}),
    ...(flags.has('prev') ? { previous: true } : {}),
    ...(keepsValue ? { ignoreValue: true } : {}),
    ...(flags.has('ignore-lease') ? { ignoreLease: true } : {}),
  };
}

function getOf(words: Words, flags: Flags): TxnOperation {
  const keys = keysOf(words, flags);
  const [limit, revision] = [flags.get('limit'), flags.get('revision')];
  const target = flags.get('sort') as SortTarget | undefined;
  const isSorted = target !== undefined || flags.has('order');
  const order = flags.get('order') === 'desc' ? 'descend' : 'ascend';
  return {
    type: 'range',
    ...keys,
    ...(typeof limit === 'number' ? { limit } : {}),
    ...(typeof revision === 'number' ? { revision } : {}),
    ...(isSorted ? { sort: { target: target ?? 'key', order } } : {}),
    ...(flags.has('keys-only') ? { keysOnly: true } : {}),
    ...(flags.has('count-only') ? { countOnly: true } : {}),
  };
}

function keysOf(words: Words, flags: Flags): { readonly key: Uint8Array; end?: Uint8Array } {
  const prefix = flags.has('prefix');
  const from = flags.has('from');
  const first = words.next('a key');
  if (!prefix && !from && first.bytes.length === 0) throw words.error(first, 'the key is empty');
  const end = prefix || from ? undefined : words.optional();
  words.end();
  const key = first.bytes;
  const keys: Keys = prefix
    ? { prefix: key }
    : from
      ? { from: key }
      : end === undefined
        ? key
        : { from: key, to: end.bytes };
  return rangeFrom(keys);
}

/** What is left of a line. */
class Words {
  #words: readonly Word[];
  readonly #line: number;
  readonly #endColumn: number;

  constructor(words: readonly Word[], { line, length }: { line: number; length: number }) {
    this.#words = words;
    this.#line = line;
    this.#endColumn = length + 1;
  }

  error({ column }: Pick<Word, 'column'>, message: string): TxnTextError {
    return new TxnTextError(message, { line: this.#line, column });
  }

  next(wanted: string): Word {
    const word = this.optional();
    if (word !== undefined) return word;
    throw this.error({ column: this.#endColumn }, `wanted ${wanted}, and the line ends`);
  }

  optional(): Word | undefined {
    const [word, ...rest] = this.#words;
    this.#words = rest;
    return word;
  }

  key(wanted: string): Uint8Array {
    const word = this.next(wanted);
    if (word.bytes.length === 0) throw this.error(word, 'the key is empty');
    return word.bytes;
  }

  sign(sign: string): void {
    const word = this.next(sign);
    if (word.text === sign && !word.isQuoted) return;
    throw this.error(word, `wanted ${sign}; got ${JSON.stringify(word.text)}`);
  }

  end(): void {
    const word = this.optional();
    if (word === undefined) return;
    const message = `wanted the end of the line; got ${JSON.stringify(word.text)}`;
    throw this.error(word, message);
  }

  number(word: Word): number {
    const number = Number(word.text);
    if (/^(\d+|0x[0-9a-f]+)$/i.test(word.text) && Number.isSafeInteger(number)) return number;
    throw this.error(word, `wanted a whole number; got ${JSON.stringify(word.text)}`);
  }

  /** Takes the flags out, wherever they stand, and leaves the rest. What is quoted is no flag. */
  flags(known: Readonly<Record<string, FlagKind>>): Flags {
    const flags = new Map<string, number | string | true>();
    const rest: Word[] = [];
    const words = [...this.#words];
    for (let word = words.shift(); word !== undefined; word = words.shift()) {
      if (word.isQuoted || !word.text.startsWith('--')) {
        rest.push(word);
        continue;
      }
      const [name, inline] = splitFlag(word.text);
      const kind = Object.hasOwn(known, name) ? known[name] : undefined;
      if (kind === undefined)
        throw this.error(word, `there is no flag --${name}${hintOf(name, known)}`);
      if (kind === 'yes') {
        if (inline !== undefined) throw this.error(word, `--${name} takes no value`);
        flags.set(name, true);
        continue;
      }
      const value = inline === undefined ? words.shift() : { ...word, text: inline };
      if (value === undefined) throw this.error(word, `--${name} wants a value behind it`);
      flags.set(name, kind === 'number' ? this.number(value) : this.#choice(value, kind));
    }
    this.#words = rest;
    return flags;
  }

  #choice(word: Word, choices: readonly string[]): string {
    if (choices.includes(word.text)) return word.text;
    throw this.error(word, `wanted ${choices.join(', ')}; got ${JSON.stringify(word.text)}`);
  }
}

function splitFlag(text: string): readonly [string, string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text.slice(2), undefined] : [text.slice(2, at), text.slice(at + 1)];
}

function hintOf(name: string, known: Readonly<Record<string, FlagKind>>): string {
  return suggestion(name, Object.keys(known)).replace('"', '"--');
}
