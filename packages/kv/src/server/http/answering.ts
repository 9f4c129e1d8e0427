import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Runtime } from 'quorate';

import { KvError } from '../../errors.ts';
import type { Answer } from './call.ts';

/** How an error looks on the wire. */
export interface ErrorJson {
  readonly code: string;
  readonly message: string;
  readonly retry: string;
  readonly advice: string;
  readonly details: object;
  /** Names the line in the member's log. */
  readonly request?: string;
}

export function errorJson(error: KvError, request?: string): ErrorJson {
  const { code, message, details, kind } = error;
  const json = { code, message, retry: kind.retry, advice: kind.advice, details };
  return request === undefined ? json : { ...json, request };
}

export function errorAnswer(error: KvError, request?: string): Answer {
  const { status } = error.kind;
  return {
    type: 'json',
    status,
    json: errorJson(error, request),
    headers: { ...hintsOf(error), 'Cache-Control': 'no-store' },
  };
}

function hintsOf({ code, kind, details }: KvError): Record<string, string> {
  if (code === 'KV_METHOD' && Array.isArray(details['allow'])) {
    return { Allow: details['allow'].join(', ') };
  }
  if (code === 'KV_CONDITION' && Number(details['modRevision']) > 0) {
    return { ETag: `"${Number(details['modRevision'])}"` };
  }
  return kind.retry === 'yes' ? { 'Retry-After': '1' } : {};
}

/**
 * The body; a text goes out in one piece with its head, which bytes do not.
 *
 * @throws {KvError} `KV_TOO_LARGE` for what the engine cannot write as one string.
 */
function bodyOf(answer: Exclude<Answer, { type: 'empty' }>): string | Uint8Array {
  if (answer.type === 'raw') return answer.body;
  try {
    return JSON.stringify(answer.json);
  } catch (cause) {
    throw new KvError('KV_TOO_LARGE', 'The answer is too large to be written. Ask for less.', {
      cause,
    });
  }
}

/** How long a caller who is still sending gets to notice that it has its answer. */
const lingerMs = 1000;

/**
 * Writes an answer whole.
 *
 * @throws {KvError} `KV_TOO_LARGE`, before anything is written.
 */
export function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  { isLast, runtime }: { readonly isLast: boolean; readonly runtime: Runtime },
): void {
  const isEarly = !request.complete && hasBody(request);
  const headers: OutgoingHttpHeaders = { ...answer.headers };
  if (isLast || isEarly) headers['Connection'] = 'close';
  if (answer.type === 'empty') {
    response.writeHead(answer.status, headers).end();
    return;
  }
  const body = bodyOf(answer);
  headers['Content-Type'] = answer.type === 'raw' ? answer.contentType : 'application/json';
  headers['Content-Length'] = Buffer.byteLength(body);
  // What one client stored must not run in another's browser.
  headers['X-Content-Type-Options'] = 'nosniff';
  response.writeHead((answer.type === 'json' ? answer.status : undefined) ?? 200, headers);
  if (isEarly) sendEarly(request, response, { body, runtime });
  else response.end(body);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Answers a caller who is still sending. Closing at once would reset the connection, and the answer
 * could be lost with it; so what still comes is thrown away until the caller stops, for a while.
 */
function sendEarly(
  request: IncomingMessage,
  response: ServerResponse,
  { body, runtime }: { readonly body: string | Uint8Array; readonly runtime: Runtime },
): void {
  response.write(body);
  const finish = (): void => void response.end();
  const timer = runtime.setTimer(finish, lingerMs);
  response.once('close', () => timer.cancel());
  request.once('end', finish);
  // Whether the rest came in whole is nobody's question any more.
  request.on('error', finish);
  request.resume();
}
