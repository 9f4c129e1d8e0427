import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createSecureContext } from 'node:tls';

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { TlsOptions } from 'quorate/network/tcp';

import type { KvClient, KvClientOptions } from '../client.ts';
import { KvError } from '../errors.ts';
import {
  dialAddresses,
  duration,
  peers,
  type ReadValue,
  span,
  UnwantedValue,
} from '../server/config/values.ts';
import type { CliContext } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { CliFailure, codeOf } from './failure.ts';

/** The options of a command that `addConnectionFlags` was called with, as its action gets them. */
export interface ConnectionFlags {
  /** `host:port` each. */
  readonly endpoints: readonly string[];
  readonly timeoutMs: number;
  /** Paths of files in PEM. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
  readonly json?: boolean | undefined;
}

export const defaultEndpoint = '127.0.0.1:7001';
const defaultTimeoutMs = 5000;

/** An option whose value the action finds under another name than that of the flag. */
class NamedOption extends Option {
  readonly #as: string;

  constructor(flags: string, description: string, as: string) {
    super(flags, description);
    this.#as = as;
  }

  override attributeName(): string {
    return this.#as;
  }
}

/** `--endpoints`, `--timeout`, `--cert`, `--key`, `--ca` and `--json`, which all commands share. */
export function addConnectionFlags(command: Command): Command {
  for (const option of connectionOptions()) command.addOption(option);
  return command;
}

/** Without what holds by default, so that what was given before the command can be told. */
export function addGlobalConnectionFlags(program: Command): void {
  for (const { flags, description, parseArg } of connectionOptions()) {
    const option = new Option(flags, description).hideHelp();
    if (parseArg !== undefined) option.argParser(parseArg);
    program.addOption(option);
  }
}

/** Those of them behind which a value stands. */
export const globalValueFlags: ReadonlySet<string> = new Set(
  connectionOptions().flatMap(({ long, required }) =>
    required && typeof long === 'string' ? [long] : [],
  ),
);

/** Flags that stand before the command count as if they stood behind it. */
export function takeGlobalFlags(program: Command, command: Command): void {
  for (const option of program.options) {
    const own = command.options.find(({ long }) => long === option.long);
    const value: unknown = program.getOptionValue(option.attributeName());
    if (own === undefined || value === undefined) continue;
    command.setOptionValueWithSource(own.attributeName(), value, 'cli');
    demandNoConflict(command, own);
  }
}

/** Commander has looked before they were there. */
function demandNoConflict(command: Command, taken: Option): void {
  for (const option of command.options) {
    // Commander has it, and its types do not.
    const { conflictsWith = [] } = option as { readonly conflictsWith?: readonly string[] };
    const isGiven = command.getOptionValueSource(option.attributeName()) === 'cli';
    if (!isGiven || !conflictsWith.includes(taken.attributeName())) continue;
    command.error(`error: option '${option.flags}' cannot be used with option '${taken.flags}'`);
  }
}

function connectionOptions(): readonly Option[] {
  return [
    new Option('--endpoints <list>', 'members to ask, as a:7001,b:7001; the others are learned')
      .env('QUORATE_ENDPOINTS')
      .default([defaultEndpoint], defaultEndpoint)
      .argParser(endpointsFrom),
    new NamedOption('--timeout <duration>', 'how long a call may take, as 500ms or 1m', 'timeoutMs')
      .env('QUORATE_TIMEOUT')
      .default(defaultTimeoutMs, '5s')
      .argParser(durationFrom),
    new Option('--cert <file>', 'own certificate, in PEM; members are dialed by TLS then').env(
      'QUORATE_CERT',
    ),
    new Option('--key <file>', 'its private key, in PEM').env('QUORATE_CERT_KEY'),
    new Option('--ca <file>', 'who signs the certificates of members, in PEM').env('QUORATE_CA'),
    new Option('--json', 'print JSON, one value per line'),
  ];
}

/** A command that changes the store or the members: of one that is cut off, the fate is open. */
export function withWriter<T>(
  context: CliContext,
  flags: ConnectionFlags,
  use: (client: KvClient) => Promise<T>,
): Promise<T> {
  return withClient(context, flags, use, { writes: true });
}

/** Connects, and closes the connections whatever comes of it. */
export async function withClient<T>(
  context: CliContext,
  flags: ConnectionFlags,
  use: (client: KvClient) => Promise<T>,
  { writes = false }: { readonly writes?: boolean } = {},
): Promise<T> {
  context.signal.throwIfAborted();
  const options = clientOptions(context, flags);
  const { KvClient: Client } = await import('../client.ts');
  const client = new Client(options);
  try {
    return await use(client);
  } catch (error) {
    throw context.signal.aborted ? context.signal.reason : explained(error, { ...flags, writes });
  } finally {
    await client.close();
  }
}

/** What a client of these flags is made with. @throws {CliFailure} for files that are none. */
export function clientOptions(context: CliContext, flags: ConnectionFlags): KvClientOptions {
  const tls = tlsFrom(context, flags);
  return {
    servers: flags.endpoints,
    timeoutMs: flags.timeoutMs,
    ...(tls === undefined ? {} : { tls }),
  };
}

export function tlsFrom(context: CliContext, flags: ConnectionFlags): TlsOptions | undefined {
  const { cert, key, ca } = flags;
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert === undefined || key === undefined || ca === undefined) {
    const missing = Object.entries({ cert, key, ca }).filter(([, file]) => file === undefined);
    const names = missing.map(([name]) => `--${name}`).join(' and ');
    throw new CliFailure(`TLS wants --cert, --key and --ca together; ${names} is missing.`, {
      exitCode: exitCodes.usage,
      advice: 'Name the certificate, its key and the authority of the members.',
    });
  }
  const read = (flag: string, file: string): string => {
    try {
      return readFileSync(path.resolve(context.cwd, file), 'utf8');
    } catch (cause) {
      throw new CliFailure(`${flag}: the file ${file} cannot be read (${codeOf(cause)}).`, {
        exitCode: exitCodes.usage,
        advice: 'Give the path of a file in PEM that this user may read.',
        cause,
      });
    }
  };
  const tls = { cert: read('--cert', cert), key: read('--key', key), ca: read('--ca', ca) };
  try {
    createSecureContext(tls);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliFailure(`--cert, --key and --ca do not go together: ${why}.`, {
      exitCode: exitCodes.usage,
      advice: 'Give a certificate, the key that it was made with, and its authority, all in PEM.',
      cause,
    });
  }
  return tls;
}

/** Names who was asked in vain. */
function explained(
  error: unknown,
  { endpoints, timeoutMs, writes }: ConnectionFlags & { readonly writes: boolean },
): unknown {
  if (!(error instanceof KvError) || !isUnanswered(error)) return error;
  if (error.details['brokeOff'] === true) return brokenOff(error);
  const asked = endpoints.join(', ');
  const isOpen = writes && error.maybeApplied;
  const fate = isOpen ? ' A write may have taken effect all the same.' : '';
  const last = error.message
    .replace(/^It did not succeed within .*? The last try: /, '')
    .replace(/^A call on channel \S+ at \S+ was not sent: /, '');
  return new CliFailure(
    `no answer within ${timeoutMs} ms from ${asked}. The last try: ${last}${fate} (${error.code})`,
    {
      exitCode: exitCodes.unreachable,
      advice:
        'See that members run there, name others by --endpoints or QUORATE_ENDPOINTS, or wait ' +
        'longer by --timeout; with certificates, --cert, --key and --ca must be given.',
      cause: error,
    },
  );
}

/** It had begun, so that there is nothing wrong with the endpoints. */
function brokenOff(cause: KvError): CliFailure {
  return new CliFailure(`${cause.message} (${cause.code})`, {
    exitCode: exitCodes.unreachable,
    advice: 'Nothing of it was kept. Try again: another member is asked if this one is gone.',
    cause,
  });
}

const unansweredCodes: readonly string[] = ['KV_NO_LEADER', 'KV_TIMEOUT', 'KV_MAYBE'];

function isUnanswered({ code }: KvError): boolean {
  return unansweredCodes.includes(code);
}

function endpointsFrom(text: string): readonly string[] {
  return readAs(dialAddresses, text.replaceAll(/(^|,)\s*(tcp|tls):\/\//g, '$1')) as string[];
}

/** `5s`, `500ms`, `1m` as milliseconds: an argument parser of any flag. */
export function durationFrom(text: string): number {
  return readAs(duration, text) as number;
}

/** The same of what lasts for longer than anybody waits: `30d`. */
export function spanFrom(text: string): number {
  return readAs(span, text) as number;
}

/** `a=10.0.0.1:7001,b=10.0.0.2:7001`, by name. */
export function peersFrom(text: string): Readonly<Record<string, string>> {
  return readAs(peers, text) as Record<string, string>;
}

/** A whole number from 0 on: an argument parser of any flag. */
export function wholeFrom(text: string): number {
  const number = Number(text);
  if (/^(\d+|0x[0-9a-f]+)$/i.test(text) && Number.isSafeInteger(number)) return number;
  throw new InvalidArgumentError('Wanted a whole number from 0 on.');
}

/** What stands behind a flag, as `quorate serve` reads an option of this kind. */
function readAs(read: ReadValue, text: string): unknown {
  try {
    return read(text, { folder: '' });
  } catch (error) {
    if (!(error instanceof UnwantedValue)) throw error;
    throw new InvalidArgumentError(`Wanted ${error.wanted}.`);
  }
}
