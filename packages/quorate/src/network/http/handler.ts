import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallOptions, RaftRpc } from '../../contract/network.ts';
import { UnreachableError } from '../../errors.ts';
import { nodeRuntime } from '../../platform/runtime.ts';
import { type ErrorJson, errorToJson } from '../messages/error-json.ts';
import { WrongShapeError } from '../messages/fields.ts';
import { BodyTooLargeError, IncomingBody } from './incoming-body.ts';
import { type Route, routes } from './routes.ts';
import { readCallHeaders } from './wire.ts';

export interface RaftHttpHandlerOptions {
  /** What comes before `/raft-...` in the paths, for example `/cluster-a`. Default none. */
  readonly prefix?: string;
  /** The longest JSON that is read; a snapshot's content has no bound. Default 64 MiB. */
  readonly maxBodyBytes?: number;
}

/** Answers a request and returns `true`, or returns `false` if its path is somebody else's. */
export type RaftHttpHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

interface Reply {
  readonly status: number;
  readonly body: { readonly Ok: unknown } | { readonly Err: ErrorJson };
  readonly headers?: Readonly<Record<string, string>>;
}

/** How long a caller who is still sending gets to notice that it has its answer. */
const lingerMs = 1000;

/**
 * Answers the calls of other nodes on any `node:http` server:
 *
 *     const handle = raftHttpHandler(raft.rpc);
 *     createServer((request, response) => handle(request, response) || app(request, response));
 *
 * The calls are `POST /raft-vote`, `/raft-append`, `/raft-snapshot`, `/raft-timeout-now`,
 * `/raft-read-index`, `/raft-forward`, `/raft-join` and `/raft-leave`, and `GET` or `POST
 * /raft-identify`. The answer is
 * `{"Ok": ...}`, or `{"Err": {"code", "message", ...}}` with status 200 for what the node refuses.
 *
 * Node's servers end a request that takes longer to arrive than `server.requestTimeout` (five
 * minutes); the transfer of a snapshot then goes on where it was, in another request. With 0 it
 * need not: the node itself ends the receiving of a snapshot of which nothing comes for a while.
 */
export function raftHttpHandler(
  rpc: RaftRpc,
  options: RaftHttpHandlerOptions = {},
): RaftHttpHandler {
  const prefix = (options.prefix ?? '').replace(/\/+$/, '');
  const maxBodyBytes = options.maxBodyBytes ?? 64 * 1024 * 1024;
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    const route = path.startsWith(prefix) ? routes.get(path.slice(prefix.length)) : undefined;
    if (route === undefined) return false;
    void serve(rpc, route, request, response, maxBodyBytes);
    return true;
  };
}

async function serve(
  rpc: RaftRpc,
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
  maxBodyBytes: number,
): Promise<void> {
  const body = new IncomingBody(request, maxBodyBytes);
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new UnreachableError('The caller has gone.'));
  });
  const reply = await replyTo(rpc, route, request, body, gone.signal);
  if (gone.signal.aborted) return;
  if (request.complete) send(response, reply);
  else sendEarly(request, body, response, reply);
}

async function replyTo(
  rpc: RaftRpc,
  route: Route,
  request: IncomingMessage,
  body: IncomingBody,
  signal: AbortSignal,
): Promise<Reply> {
  if (!route.methods.includes(request.method ?? '')) return methodNotAllowed(route, request);
  try {
    const options: CallOptions = { ...readCallHeaders(request.headers), signal };
    return { status: 200, body: { Ok: (await route.answer(rpc, body, options)) ?? null } };
  } catch (error) {
    return refusal(error);
  }
}

function refusal(error: unknown): Reply {
  const refused = errorToJson(error);
  if (refused !== undefined) return { status: 200, body: { Err: refused } };
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof BodyTooLargeError) return problem(413, { code: 'HTTP_TOO_LARGE', message });
  if (error instanceof WrongShapeError) return problem(400, { code: 'HTTP_BAD_REQUEST', message });
  // The node may have done what it was asked to before this happened.
  return problem(500, { code: 'HTTP_INTERNAL', message, maybeApplied: true });
}

function methodNotAllowed(route: Route, request: IncomingMessage): Reply {
  const allowed = route.methods.join(', ');
  const message = `This path answers ${allowed}; got ${request.method ?? 'nothing'}.`;
  const reply = problem(405, { code: 'HTTP_METHOD_NOT_ALLOWED', message });
  return { ...reply, headers: { allow: allowed } };
}

function problem(status: number, error: ErrorJson): Reply {
  return { status, body: { Err: error } };
}

function send(response: ServerResponse, reply: Reply): void {
  writeHead(response, reply, {}).end(JSON.stringify(reply.body));
}

/**
 * Answers a caller who is still sending. Closing at once would reset the connection, and the answer
 * could be lost with it; so what still comes is thrown away until the caller stops, for a while.
 */
function sendEarly(
  request: IncomingMessage,
  body: IncomingBody,
  response: ServerResponse,
  reply: Reply,
): void {
  writeHead(response, reply, { connection: 'close' }).write(JSON.stringify(reply.body));
  const finish = (): void => void response.end();
  const timer = nodeRuntime.setTimer(finish, lingerMs);
  response.once('close', () => timer.cancel());
  request.once('end', finish);
  // Whether the rest came in whole is nobody's question any more.
  request.once('error', finish);
  void body.discardRest();
}

function writeHead(
  response: ServerResponse,
  reply: Reply,
  headers: Readonly<Record<string, string>>,
): ServerResponse {
  return response.writeHead(reply.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(JSON.stringify(reply.body)),
    ...reply.headers,
    ...headers,
  });
}
