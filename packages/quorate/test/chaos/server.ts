// One node of the chaos runner's cluster, in a process of its own. Started by node-process.ts with
// what `NodeStart` says, as JSON; it ends when the channel to the runner does.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Network, RaftRpc } from '../../src/contract/network.ts';
import { HttpNetwork, raftHttpHandler } from '../../src/network/http.ts';
import { TcpNetwork, TcpServer } from '../../src/network/tcp.ts';
import type { Logger } from '../../src/node/logger.ts';
import type { RaftMetrics } from '../../src/node/metrics.ts';
import type { RaftConfig } from '../../src/node/options.ts';
import { Raft } from '../../src/node/raft.ts';
import { walStorage } from '../../src/storage/wal.ts';
import {
  breakageIn,
  type Command,
  type NetworkName,
  type NodeStart,
  type OperationRequest,
  type Order,
  type Report,
  type Response,
  slotOf,
} from './protocol.ts';
import { ChaosService } from './service.ts';
import { ChaosStore } from './store.ts';

/** Everything that happens seldom in a large cluster happens often in this one. */
const config: Partial<RaftConfig> = {
  snapshotAfterBytes: 16 * 1024,
  snapshotAfterEntries: 150,
  keepBytes: 4 * 1024,
  maxSessions: 64,
  sessionWindow: 16,
  catchUpEntries: 100,
  catchUpTimeoutMs: 4000,
};
const segmentBytes = 64 * 1024;
const bodyLimitBytes = 1024 * 1024;
/** Between two pictures, so that a busy node does not spend its time on them. */
const pauseMs = 20;

/** Reaches each node through the runner's link from this one's slot to that one's. */
function linked(inner: Network, links: NodeStart['links']): Network {
  return {
    ordered: inner.ordered,
    connect: (target) => {
      const address = links[slotOf(target)];
      return inner.connect(target, address === undefined ? {} : { address });
    },
  };
}

function tell(report: Report): void {
  // Whoever has gone needs no report, and `disconnect` ends this process.
  if (process.connected) process.send?.(report);
}

/** Into the log of the process. */
function logLine(level: string): (fields: object, message: string) => void {
  return (fields, message) => {
    console.log(`${new Date().toISOString()} ${level} ${message} ${JSON.stringify(fields)}`);
  };
}

const logger: Logger = {
  debug: logLine('debug'),
  info: logLine('info'),
  warn: logLine('warn'),
  error: logLine('error'),
};

async function tellPictures(raft: Raft<Command, Response>): Promise<void> {
  let told = '';
  for await (const metrics of raft.watch()) {
    const report = pictureOf(metrics);
    const text = JSON.stringify(report);
    if (text === told) continue;
    told = text;
    tell(report);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

function pictureOf(metrics: RaftMetrics): Report {
  const { role, term, isRunning, membership, committed, counts, quarantine, fatal } = metrics;
  const { voters, nodes, logId } = membership;
  return {
    type: 'picture',
    role,
    term,
    isRunning,
    membership: { voters, nodes, logId },
    isSettled: logId.index <= committed.index,
    snapshotsBuilt: counts.snapshotsBuilt,
    snapshotsReceived: counts.snapshotsReceived,
    ...(quarantine === undefined ? {} : { quarantine }),
    ...(fatal === undefined ? {} : { fatal: `${fatal.message} ${String(fatal.cause)}` }),
  };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimitBytes) throw new RangeError(`The body exceeds ${bodyLimitBytes} bytes.`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString());
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { service, store }: { readonly service: ChaosService; readonly store: ChaosStore },
): Promise<void> {
  let status = 200;
  let body: unknown;
  try {
    const { url } = request;
    if (url === '/operation') {
      body = await service.operate((await readJson(request)) as OperationRequest);
    } else if (url === '/order') {
      body = await service.order((await readJson(request)) as Order);
    } else if (url === '/state') {
      body = store.state;
    } else {
      status = 404;
      body = { why: `There is nothing at ${url}; try /operation, /order or /state.` };
    }
  } catch (error) {
    status = 400;
    body = { why: String(error) };
  }
  const text = JSON.stringify(body);
  const length = Buffer.byteLength(text);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': length });
  response.end(text);
}

interface Doors {
  /** Where clients and the operator call, and where the other nodes do. */
  readonly port: number;
  readonly nodePort: number;
}

/** Over TCP the other nodes have a port of their own; over HTTP all call at the same one. */
async function listen(
  rpc: RaftRpc,
  network: NetworkName,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Doors> {
  const answerRaft = network === 'http' ? raftHttpHandler(rpc) : undefined;
  const http = createServer({ requestTimeout: 0 }, (request, response) => {
    if (answerRaft?.(request, response) !== true) onRequest(request, response);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  if (network === 'http') return { port, nodePort: port };

  const server = await TcpServer.listen({
    host: '127.0.0.1',
    onRefusal: ({ remote, reason }) => logger.warn({ remote, why: reason.message }, 'refused'),
  });
  server.serve(rpc);
  return { port, nodePort: server.port };
}

async function main(): Promise<void> {
  process.once('disconnect', () => process.exit(0));
  // Ctrl-C reaches all processes of a terminal; the runner decides what it means.
  process.on('SIGINT', () => undefined);
  const { name, network, directory, links } = JSON.parse(process.argv[2] ?? '') as NodeStart;
  const storage = await walStorage(directory, { segmentBytes });
  const store = new ChaosStore((index, chain) => tell({ type: 'chain', index, chain }));
  const raft = await Raft.start<Command, Response>({
    id: name,
    stateMachine: store,
    storage,
    network: linked(network === 'http' ? new HttpNetwork() : new TcpNetwork(), links),
    config,
    logger,
  });
  const service = new ChaosService(raft, store, breakageIn(process.env));
  const doors = await listen(raft.rpc, network, (request, response) => {
    void answer(request, response, { service, store });
  });
  tell({ type: 'listening', ...doors });
  await tellPictures(raft);
}

main().catch((error: unknown) => {
  console.error(error);
  const message = error instanceof Error ? error.message : String(error);
  if (!process.connected) process.exit(1);
  process.send?.({ type: 'failed', message }, undefined, undefined, () => process.exit(1));
});
