import { KvError } from '../../errors.ts';
import { encodeCommand } from '../../protocol/commands.ts';
import { decodeResults } from '../../protocol/results.ts';
import type { Operation, Result } from '../../types.ts';
import type { KvService, SessionNumber } from '../service.ts';
import type { WriteBytes } from './json-bytes.ts';
import type { Parameters } from './router.ts';

/** One request, checked against the file of the API. */
export interface Call {
  readonly service: KvService;
  readonly parameters: Parameters;
  /** The JSON of the body; `undefined` if there is none. */
  readonly json: unknown;
  /** The body of an operation whose body may be a value, if it is no JSON. */
  readonly raw: Uint8Array | undefined;
  /** Whether the caller would rather have the value itself than JSON. */
  readonly wantsRaw: boolean;
  readonly write: WriteBytes;
  readonly session: SessionNumber | undefined;
  readonly signal: AbortSignal;
  /** Pairs that an answer may have, in bytes; see `KvService.range`. */
  readonly maxAnswerBytes: number;
}

type Headers = Readonly<Record<string, string>>;

/** What a request is answered. */
export type Answer =
  | {
      readonly type: 'json';
      readonly status?: number;
      readonly json: unknown;
      readonly headers?: Headers;
    }
  | {
      readonly type: 'raw';
      readonly contentType: string;
      readonly body: Uint8Array | string;
      readonly headers?: Headers;
    }
  | { readonly type: 'empty'; readonly status: number; readonly headers?: Headers };

export function jsonAnswer(json: unknown, headers: Headers = {}): Answer {
  return { type: 'json', json, headers };
}

/** The parameter as a number, which its schema says it is. */
export function numberOf({ parameters }: Call, name: string): number | undefined {
  const value = parameters[name];
  return typeof value === 'number' ? value : undefined;
}

export function isSet({ parameters }: Call, name: string): boolean {
  return parameters[name] === true;
}

/** The parameter as bytes, which its schema says it is. */
export function bytesParameter({ parameters }: Call, name: string): Uint8Array | undefined {
  const value = parameters[name];
  return typeof value === 'string' ? Buffer.from(value, 'latin1') : undefined;
}

type ResultOf<Type extends Operation['type']> = Extract<Result, { readonly type: Type }>;

/**
 * Has one operation replicated.
 *
 * @throws {KvError} what the store refused it with, or why it could not be done.
 */
export async function change<One extends Operation>(
  { service, signal, session }: Call,
  operation: One,
): Promise<ResultOf<One['type']>> {
  const context = session === undefined ? { signal } : { signal, session };
  const results = decodeResults(await service.write(encodeCommand([operation]), context));
  const [result] = results;
  if (results.length !== 1) throw strangeAnswer(session, operation.type);
  if (result?.type === 'error') throw new KvError(result.code, result.message);
  if (result?.type !== operation.type) throw strangeAnswer(session, operation.type);
  return result as ResultOf<One['type']>;
}

/** Of a number that comes again, the first write is answered; that may have been another one. */
export function strangeAnswer(session: SessionNumber | undefined, wanted: string): Error {
  if (session === undefined) return new Error(`A ${wanted} has the answer of something else.`);
  const { id, sequence } = session;
  const message = `Number ${sequence} of session ${id} was given to another write before, so this ${wanted} was not done; give it the next number.`;
  return new KvError('KV_INVALID', message, { details: { session: id, sequence } });
}
