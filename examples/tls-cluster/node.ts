import { type Logger, Raft, type Session } from 'quorate';
import { type ChannelContext, ChannelError, TcpNetwork, TcpServer } from 'quorate/network/tcp';
import { walStorage } from 'quorate/storage/wal';
import { Counter } from '../own-store/counter.ts';
import { OnceEach } from './once-each.ts';
import { TlsFiles } from './tls-files.ts';

/** Whoever shows a certificate with this name may count; nodes may not. */
const clientName = 'client';
const patienceMs = 10_000;

export interface NodeOptions {
  readonly id: string;
  /** Node id to host:port, of all nodes, this one included. */
  readonly members: Readonly<Record<string, string>>;
  /** The folder with the certificates. */
  readonly certificates: string;
  /** Whose certificate to show: that of the node, unless somebody tries what happens then. */
  readonly certificate: string;
  /** The folder of this node's log. */
  readonly data: string;
  readonly say: (line: string) => void;
}

export interface ExampleNode {
  readonly raft: Raft<number, number>;
  readonly tls: TlsFiles;
  /** Reads the certificates anew, for the connections from now on. */
  renewCertificates(): void;
  close(): Promise<void>;
}

/**
 * One node of a cluster that counts. Everything that comes or goes over its port is encrypted, and
 * both sides of each connection show a certificate.
 *
 * @throws {Error} if the certificates cannot be used, the port cannot be had, or the data is in
 * use.
 */
export async function startNode(options: NodeOptions): Promise<ExampleNode> {
  const { id, members, say } = options;
  const address = members[id];
  if (address === undefined) throw new RangeError(`Node ${id} is not one of the members.`);
  const tls = new TlsFiles(options.certificates, options.certificate);
  const once = new OnceEach(say);
  const storage = await walStorage(options.data);
  const network = new TcpNetwork({
    tls: tls.options,
    onFailedDial: ({ node, reason }) => once.tell(`cannot reach ${node}: ${reason.message}`),
  });
  const counter = new Counter();
  const raft = await Raft.start<number, number>({
    id,
    stateMachine: counter,
    storage,
    network,
    logger: loggerTo(say),
  });
  const server = await TcpServer.listen({
    ...hostAndPort(address),
    tls: tls.options,
    onRefusal: ({ reason }) => once.tell(`refused a caller: ${reason.message}`),
  });
  server.serve(raft.rpc);
  const parts = { raft, counter, adder: new Adder(raft) };
  server.handle('counter', {
    call: (request, context) => answer(Buffer.from(request).toString(), parts, context),
  });
  return {
    raft,
    tls,
    renewCertificates: () => {
      tls.renew();
      once.forget();
    },
    close: async () => {
      await raft.close();
      await network[Symbol.asyncDispose]();
      await server.close();
      await storage[Symbol.asyncDispose]();
    },
  };
}

/** Adds in a session, so that an addition takes effect once, also while a leader is lost. */
class Adder {
  readonly #raft: Raft<number, number>;
  #opening: Promise<Session<number, number>> | undefined;

  constructor(raft: Raft<number, number>) {
    this.#raft = raft;
  }

  async add(number: number, patience: { readonly signal: AbortSignal }): Promise<number> {
    this.#opening ??= this.#raft.openSession(patience);
    const opening = this.#opening;
    try {
      const session = await opening;
      return (await session.write(number, patience)).response;
    } catch (error) {
      // It may not be open, or be over.
      if (this.#opening === opening) this.#opening = undefined;
      throw error;
    }
  }
}

interface Parts {
  readonly raft: Raft<number, number>;
  readonly counter: Counter;
  readonly adder: Adder;
}

/** Answers `read`, or `add` and a number, with the total. */
async function answer(
  request: string,
  { raft, counter, adder }: Parts,
  { peer, signal }: Pick<ChannelContext, 'peer' | 'signal'>,
): Promise<Uint8Array> {
  const { certificateNames: names } = peer;
  if (!names.includes(clientName)) {
    const message = `Only who has a certificate of "${clientName}" may count; this is one of "${names.join(', ')}".`;
    throw new ChannelError('COUNTER_FORBIDDEN', message);
  }
  const patience = { signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]) };
  const [, number] = /^add (-?\d{1,12})$/.exec(request) ?? [];
  if (number !== undefined) return Buffer.from(String(await adder.add(Number(number), patience)));
  if (request !== 'read') {
    const message = `Wanted "read", or "add" and a whole number; got "${request.slice(0, 100)}".`;
    throw new ChannelError('COUNTER_UNKNOWN', message);
  }
  await raft.readBarrier(patience);
  return Buffer.from(String(counter.total));
}

function loggerTo(say: (line: string) => void): Logger {
  const line = (fields: object, message: string): void =>
    say(`${message} ${JSON.stringify({ ...fields, node: undefined })}`);
  return { debug: () => undefined, info: line, warn: line, error: line };
}

function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(address) ?? [];
  if (host !== '') return { host, port: Number(port) };
  throw new RangeError(`The address of a member must be host:port; it is "${address}".`);
}
