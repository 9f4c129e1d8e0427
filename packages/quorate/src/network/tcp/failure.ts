import { UnreachableError } from '../../errors.ts';
import { errorToJson, readError } from '../messages/error-json.ts';
import { Fields } from '../messages/fields.ts';
import { jsonBytes, readMessage, WireFormatError } from './fields.ts';
import { FrameError } from './frame.ts';

/*
 * The bodies of the frames `failure` and `goodbye`, the same in all versions: u8 kind, then JSON in
 * UTF-8 with at least a code and a message.
 */

/** An error of the library, thrown again on the other side as what it was. */
const ofLibrary = 1;
/** What a handler of a channel tells its callers. */
const ofApplication = 2;
/** Anything else that was thrown. The call may have taken effect before. */
const ofSomethingElse = 3;
/** The question was none, so nothing was done. */
const ofQuestion = 4;

const longestMessage = 4096;
const longestDetails = 64 * 1024;

/**
 * What a handler of a channel throws to tell its caller: a code of its own, a message, and details
 * that survive JSON. Any other error, but those of the library, reaches the caller as an
 * `UnreachableError` that quotes it.
 */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';
  readonly code: string;
  /** At most 64 KiB of JSON. */
  readonly details: unknown;

  constructor(
    code: string,
    message: string,
    options: { readonly details?: unknown; readonly cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.details = options.details;
  }
}

/** Writes any error that a call ended with, or why a connection ends. Never throws. */
export function writeFailure(error: unknown): readonly Uint8Array[] {
  const refused = errorToJson(error);
  if (refused !== undefined) {
    return failureOf(ofLibrary, { ...refused, message: shortened(refused.message) });
  }
  if (isChannelError(error)) return failureOf(ofApplication, applicationJson(error));
  const message = shortened(textOf(error));
  if (error instanceof WireFormatError) return failureOf(ofQuestion, { code: 'FORMAT', message });
  const code = error instanceof FrameError ? 'DAMAGE' : 'INTERNAL';
  return failureOf(ofSomethingElse, { code, message });
}

/**
 * Rebuilds the error: one of the library with its class, code and details, one of a channel as
 * `ChannelError`, and any other as an `UnreachableError` that quotes it.
 *
 * @throws {WireFormatError} if it is none.
 */
export function readFailure(body: Uint8Array): Error {
  return readMessage('failure', body, (reader) => {
    const kind = reader.u8();
    const json = reader.json();
    if (kind === ofLibrary) return readError(json, 'failure');
    const fields = new Fields(json, 'failure');
    const code = fields.string('code');
    const message = fields.string('message');
    switch (kind) {
      case ofApplication:
        return new ChannelError(code, message, { details: fields.any('details') });
      case ofSomethingElse:
        return new UnreachableError(quoted(code, message), { maybeApplied: true });
      case ofQuestion:
        return new UnreachableError(quoted(code, message));
      default:
        throw new WireFormatError(`There is no failure of kind ${kind}.`);
    }
  });
}

function failureOf(kind: number, json: unknown): readonly Uint8Array[] {
  return [Uint8Array.of(kind), jsonBytes(json)];
}

/** By its name: a second copy of the package has a class of its own. */
function isChannelError(error: unknown): error is ChannelError {
  return (
    error instanceof Error &&
    error.name === 'ChannelError' &&
    'code' in error &&
    typeof error.code === 'string'
  );
}

function applicationJson({ code, message, details }: ChannelError): unknown {
  const told = { code: shortened(code), message: shortened(message) };
  const json = detailsJson(details);
  if (json === undefined) return told;
  if (json.length <= longestDetails) return { ...told, details: JSON.parse(json) as unknown };
  const size = `${json.length} characters of JSON`;
  return { ...told, message: `${told.message} (Its details are left out: ${size}.)` };
}

/** What cannot be written to JSON is left out: the code and the message are worth more. */
function detailsJson(details: unknown): string | undefined {
  try {
    return JSON.stringify(details);
  } catch {
    return undefined;
  }
}

function textOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  return typeof thrown === 'string' ? thrown : `something that is no error (${typeof thrown})`;
}

function quoted(code: string, message: string): string {
  return `The other side answered with ${code}: ${message}`;
}

function shortened(text: string): string {
  return text.length <= longestMessage ? text : `${text.slice(0, longestMessage)}...`;
}
