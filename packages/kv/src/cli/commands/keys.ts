import { type Command, Option } from 'commander';
import { bufferOf } from '../../bytes.ts';
import type { Keys, Text } from '../../client.ts';
import { isBase64 } from '../../server/http/json-bytes.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';

/** How bytes are written on the command line, both ways. */
export interface BytesFlags {
  readonly hex?: boolean | undefined;
  readonly base64?: boolean | undefined;
}

/** Which keys are meant. */
export interface KeysFlags extends BytesFlags {
  readonly prefix?: boolean | undefined;
  readonly from?: boolean | undefined;
}

export function addBytesFlags(command: Command): Command {
  return command
    .addOption(new Option('--hex', 'keys and values are hexadecimal, both ways'))
    .addOption(
      new Option('--base64', 'keys and values are base64, both ways').conflicts(['hex', 'json']),
    );
}

export function addKeysFlags(command: Command): Command {
  command
    .addOption(new Option('--prefix', 'all keys that begin with KEY; "" for every key'))
    .addOption(new Option('--from', 'all keys from KEY on').conflicts('prefix'));
  return addBytesFlags(command);
}

/** One key, or several. */
export type NamedKeys = Uint8Array | Exclude<Keys, Text>;

/** The keys that are named. @throws {CliFailure} if these are none. */
export function keysFrom(key: string, end: string | undefined, flags: KeysFlags): NamedKeys {
  const { prefix = false, from = false } = flags;
  if (end !== undefined && (prefix || from)) {
    throw usage(
      `END has no place beside ${prefix ? '--prefix' : '--from'}.`,
      'Leave END out, or the flag.',
    );
  }
  const first = bytesFrom(key, 'KEY', flags);
  if (prefix) return { prefix: first };
  if (from) return { from: first };
  if (end !== undefined) return rangeFrom(first, bytesFrom(end, 'END', flags));
  if (first.length === 0) {
    throw usage('KEY is empty, and no key is.', 'Name a key; for every key, use --prefix "".');
  }
  return first;
}

function rangeFrom(from: Uint8Array, to: Uint8Array): NamedKeys {
  if (to.length === 0) {
    throw usage('END is empty.', 'Name the first key behind the range, or use --from.');
  }
  if (Buffer.compare(from, to) >= 0) {
    throw usage('No key lies between KEY and END.', 'Name the lower one first; END is not in it.');
  }
  return { from, to };
}

/** What an argument says. `what` names it. @throws {CliFailure} if it is not what the flags say. */
export function bytesFrom(text: string, what: string, { hex, base64 }: BytesFlags): Uint8Array {
  if (hex === true) {
    if (/^([0-9a-f]{2})*$/i.test(text)) return Buffer.from(text, 'hex');
    throw usage(`${what} is not hexadecimal: ${quoted(text)}.`, 'Write two digits for each byte.');
  }
  if (base64 === true) {
    if (isBase64(text)) return Buffer.from(text, 'base64');
    throw usage(`${what} is not base64 with padding: ${quoted(text)}.`, 'Encode it by base64 -w0.');
  }
  // The system hands over what is no UTF-8 as this, and another key would be meant.
  if (text.includes('\ufffd')) {
    throw usage(`${what} has bytes that are no UTF-8.`, 'Give it by --hex or --base64.');
  }
  return Buffer.from(text);
}

/** Bytes as the flags want them; `undefined` if they want nothing. */
export function encoded(bytes: Uint8Array, { hex, base64 }: BytesFlags): string | undefined {
  if (hex === true) return bufferOf(bytes).toString('hex');
  return base64 === true ? bufferOf(bytes).toString('base64') : undefined;
}

/** A lock or an election has one. @throws {CliFailure} if it is none. */
export function demandName(name: string): void {
  if (name === '' || name.includes('\ufffd')) {
    throw usage('NAME is empty, or no UTF-8.', 'Name it by some text.');
  }
}

export function usage(message: string, advice: string): CliFailure {
  return new CliFailure(message, { exitCode: exitCodes.usage, advice });
}

const longestQuoted = 40;

function quoted(text: string): string {
  return JSON.stringify(text.length <= longestQuoted ? text : `${text.slice(0, longestQuoted)}...`);
}
