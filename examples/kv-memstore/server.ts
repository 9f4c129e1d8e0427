import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AnyStateMachine, Raft, type Storage } from 'quorate';
import { HttpNetwork, raftHttpHandler } from 'quorate/network/http';
import { TcpNetwork, TcpServer } from 'quorate/network/tcp';
import { memoryStorage } from 'quorate/storage/memory';
import { walStorage } from 'quorate/storage/wal';
import { portOf } from './address.ts';
import { readJsonBody } from './http-body.ts';
import { refusalFrom } from './refusal.ts';
import { type ExampleNode, findRoute, type ReadableStore } from './routes.ts';
import type { NetworkName } from './server-options.ts';
import { SharedPort } from './shared-port.ts';
import { type Command, type CommandResponse, KeyValueStore } from './store.ts';

/** A client over whose connection nothing comes or goes for so long is cut off. */
const idleMs = 60_000;

export interface ServerOptions {
  readonly id: number;
  /**
   * Port 0 takes the one that the node's data knows it by, and without such data any free one. The
   * `address` of the server says which.
   */
  readonly host: string;
  readonly port: number;
  /** How this node calls the others; it answers both. Default `'tcp'`. */
  readonly network?: NetworkName | undefined;
  /** The directory of this node's data. Without one, everything is in memory. */
  readonly data?: string | undefined;
  /** When a snapshot is built, and how much of the log stays behind it: as in `RaftConfig`. */
  readonly snapshotAfterBytes?: number | undefined;
  readonly keepBytes?: number | undefined;
  /** A larger body is refused. Default 1 MiB. */
  readonly bodyLimitBytes?: number;
  /** A call that takes longer is answered with an error. Default 10 s. */
  readonly deadlineMs?: number;
}

export interface ExampleServer extends AsyncDisposable {
  /** Where it listens, for clients and for the other nodes, as host:port. */
  readonly address: string;
  readonly raft: Raft<Command, CommandResponse>;
  close(): Promise<void>;
}

/** What a node works with, and its server closes at the end. */
export interface NodeParts {
  readonly storage: Storage;
  readonly stateMachine: AnyStateMachine<Command, CommandResponse>;
  /** The same state, for those who read it. */
  readonly store: ReadableStore;
  readonly close: () => Promise<void>;
}

/**
 * Starts one node: its Raft, its state, and the port at which clients and other nodes reach both.
 *
 * @throws {LockedError} if another process has the data.
 * @throws {DamagedError} if the data is not what was written.
 */
export async function startServer(options: ServerOptions): Promise<ExampleServer> {
  const { data } = options;
  const storage = data === undefined ? memoryStorage() : await walStorage(data);
  const close = async (): Promise<void> => storage[Symbol.asyncDispose]();
  const store = new KeyValueStore();
  return startServerOn({ storage, stateMachine: store, store, close }, options);
}

/** The same on parts that are open already. They are closed if it fails, too. */
export async function startServerOn(
  parts: NodeParts,
  options: ServerOptions,
): Promise<ExampleServer> {
  try {
    return await startOn(parts, options);
  } catch (error) {
    await parts.close();
    throw error;
  }
}

async function startOn(parts: NodeParts, options: ServerOptions): Promise<ExampleServer> {
  const { storage, stateMachine, store } = parts;
  const network = options.network === 'http' ? new HttpNetwork() : new TcpNetwork();
  const { snapshotAfterBytes, keepBytes } = options;
  const raft = await Raft.start<Command, CommandResponse>({
    id: String(options.id),
    stateMachine,
    storage,
    network,
    config: {
      // Its clients know how to find the leader, and are told where it is.
      forwardWrites: false,
      ...(snapshotAfterBytes === undefined ? {} : { snapshotAfterBytes }),
      ...(keepBytes === undefined ? {} : { keepBytes }),
    },
  });

  const port = options.port === 0 ? knownPort(raft) : options.port;
  let server: TcpServer | undefined;
  const close = async (): Promise<void> => {
    await raft.close();
    await network[Symbol.asyncDispose]();
    await server?.close();
    await parts.close();
  };
  try {
    // A snapshot may take as long as it moves; both its ends see when it does not.
    const http = createServer({ requestTimeout: 0 });
    http.timeout = idleMs;
    const { host } = options;
    server = await TcpServer.listen({ host, port, sockets: new SharedPort(http) });
    server.serve(raft.rpc);
    const address = `${host}:${server.port}`;
    serve(http, { raft, store, info: { address } }, options);
    return { address, raft, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Where the others look for this node; 0 while it is in no cluster. */
function knownPort({ id, metrics }: ExampleServer['raft']): number {
  return portOf(metrics.membership.nodes[id]?.address) ?? 0;
}

function serve(http: Server, node: ExampleNode, options: ServerOptions): void {
  const answerRaft = raftHttpHandler(node.raft.rpc);
  http.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (answerRaft(request, response)) return;
    void answer(request, response, node, options);
  });
}

/** Never rejects: whatever goes wrong is an answer too. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  node: ExampleNode,
  { bodyLimitBytes = 1024 * 1024, deadlineMs = 10_000 }: ServerOptions,
): Promise<void> {
  try {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const route = findRoute(request.method ?? '', path);
    const body = route.takesBody ? await readJsonBody(request, bodyLimitBytes) : undefined;
    const signal = AbortSignal.timeout(deadlineMs);
    reply(response, { status: 200, body: { Ok: await route.answer(node, { body, signal }) } });
  } catch (error) {
    reply(response, refusalFrom(error));
  }
}

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

function reply(response: ServerResponse, { status, headers, body }: Reply): void {
  const text = `${JSON.stringify(body)}\n`;
  const unread = !response.req.complete;
  response.writeHead(status, {
    ...headers,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    // What was not read would be taken for the next call.
    ...(unread ? { connection: 'close' } : {}),
  });
  response.end(text);
  if (unread) response.req.resume();
}
