import { isUtf8 } from 'node:buffer';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { stripVTControlCharacters, styleText } from 'node:util';

import { bufferOf } from '../bytes.ts';
import { type BytesJson, writeAuto } from '../server/http/json-bytes.ts';
import type { CliContext } from './context.ts';

type Where = Pick<CliContext, 'stdout' | 'signal'>;

/**
 * Writes to the standard output, and waits as long as its reader is slow.
 *
 * @throws the reason of the signal, once that has aborted.
 */
export async function print({ stdout, signal }: Where, chunk: string | Uint8Array): Promise<void> {
  signal.throwIfAborted();
  if (chunk.length === 0 || stdout.write(chunk)) return;
  try {
    await once(stdout, 'drain', { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

export async function printLine(context: Where, text: string): Promise<void> {
  await print(context, `${text}\n`);
}

/** A line on the standard error: what is no result. */
export function note({ stderr }: Pick<CliContext, 'stderr'>, text: string): void {
  stderr.write(`${text}\n`);
}

/** One value on one line. Bytes are strings if they are UTF-8, and `{"base64"}` otherwise. */
export async function printJson(context: Where, value: unknown): Promise<void> {
  await printLine(context, toJson(value));
}

/** The value for programs, if the flags say so, and otherwise a line for people. */
export async function printEither(
  context: Where,
  { json = false }: { readonly json?: boolean | undefined },
  { value, line }: { readonly value: object; readonly line: string },
): Promise<void> {
  await (json ? printJson(context, value) : printLine(context, line));
}

export function toJson(value: unknown): string {
  // A Buffer would turn itself into a list of numbers before it comes by as a value.
  return JSON.stringify(value, function (this: Record<string, unknown>, key, converted: unknown) {
    const raw = this[key];
    return raw instanceof Uint8Array ? bytesJson(raw) : converted;
  });
}

export function bytesJson(bytes: Uint8Array): BytesJson {
  return writeAuto(bytes);
}

/** `1 key`, `2 keys`. */
export function counted(count: number, one: string, several?: string): string {
  return `${count} ${plural(count, one, several)}`;
}

/** The word for so many. */
export function plural(count: number, one: string, several: string = `${one}s`): string {
  return count === 1 ? one : several;
}

export type Column = string | { readonly name: string; readonly align: 'left' | 'right' };

/** Rows below each other, each column as wide as it must be. Cells may be painted. */
export async function printTable(
  context: Where & Pick<CliContext, 'useColor'>,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): Promise<void> {
  await print(context, `${tableLines(context, columns, rows).join('\n')}\n`);
}

/** The lines of such a table, the one with the names first. */
export function tableLines(
  context: Pick<CliContext, 'useColor'>,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const names = columns.map((column) => (typeof column === 'string' ? column : column.name));
  const widths = names.map((name, at) =>
    Math.max(widthOf(name), ...rows.map((row) => widthOf(row[at] ?? ''))),
  );
  const { dim } = paint(context);
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => {
        const column = columns[at];
        const isRight = typeof column === 'object' && column.align === 'right';
        const space = ' '.repeat((widths[at] ?? 0) - widthOf(cell));
        return isRight ? `${space}${cell}` : `${cell}${space}`;
      })
      .join('  ')
      .trimEnd();
  return [dim(line(names)), ...rows.map((row) => line(row))];
}

function widthOf(cell: string): number {
  return Array.from(stripVTControlCharacters(cell)).length;
}

export interface Paint {
  readonly bold: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly dim: (text: string) => string;
}

/** Without colours, each of them changes nothing. */
export function paint({ useColor }: Pick<CliContext, 'useColor'>): Paint {
  const style =
    (format: Parameters<typeof styleText>[0]) =>
    (text: string): string =>
      useColor ? styleText(format, text, { validateStream: false }) : text;
  return {
    bold: style('bold'),
    red: style('red'),
    green: style('green'),
    yellow: style('yellow'),
    dim: style('dim'),
  };
}

/**
 * Bytes for a terminal or within a line: whatever would move the cursor or is no UTF-8 is written
 * as `\n`, `\t`, `\r`, `\\` or `\xNN`.
 */
export function shown(bytes: Uint8Array | string): string {
  const buffer = typeof bytes === 'string' ? Buffer.from(bytes) : bufferOf(bytes);
  if (isUtf8(buffer)) return escaped(buffer.toString());
  // Character by character, so that what is text stays text.
  let text = '';
  for (let at = 0; at < buffer.length; ) {
    const length = characterAt(buffer, at);
    text += length === 0 ? hex(buffer[at] ?? 0) : escaped(buffer.toString('utf8', at, at + length));
    at += Math.max(1, length);
  }
  return text;
}

const names: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\\': '\\\\',
};

// Of the format characters, those that turn the direction of a line are as bad as a cursor.
const unsafe = /[\p{Cc}\\\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

function escaped(text: string): string {
  return text.replace(
    unsafe,
    (character) => names[character] ?? [...Buffer.from(character)].map(hex).join(''),
  );
}

/** How many bytes the character takes that begins there; 0 if none does. */
function characterAt(buffer: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= buffer.length; length += 1) {
    if (isUtf8(buffer.subarray(at, at + length))) return length;
  }
  return 0;
}

function hex(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}

/** Resolves when everything that was written has left the process, or never will. */
export async function flush(stream: Writable): Promise<void> {
  if (stream.destroyed || stream.writableLength === 0) return;
  await new Promise<void>((resolve) => {
    stream.once('error', () => resolve());
    stream.once('close', () => resolve());
    stream.write('', () => resolve());
  });
}
