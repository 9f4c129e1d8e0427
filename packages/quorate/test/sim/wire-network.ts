import type { CallOptions, Network, RaftRpc } from '../../src/contract/network.ts';
import type { NodeId } from '../../src/core/types.ts';
import { TcpNetwork, TcpServer } from '../../src/network/tcp.ts';
import { type Choices, pick } from './choices.ts';
import type { Happening, SimMessage } from './hooks.ts';
import { answerText } from './message-text.ts';
import type { SimNode } from './node.ts';
import { type Exchange, SimPeer } from './peer.ts';
import type { SimProcess } from './process.ts';
import type { TraceRecorder } from './trace.ts';
import { answered, checkAnswer, checkFailure, type Flight, WireBook } from './wire-book.ts';
import { type Wire, WireNet, type WireNetOptions, wirePort } from './wire-net.ts';

export interface WireNetworkOptions extends Omit<WireNetOptions, 'onWrite' | 'processAt'> {
  readonly trace: TraceRecorder;
  /** The node behind an address. */
  readonly node: (address: NodeId) => SimNode | undefined;
  readonly happen: (happening: Happening) => void;
  /** A call is made: numbers it and tells of it. */
  readonly sent: (
    node: SimNode,
    call: { readonly kind: keyof RaftRpc; readonly to: NodeId; readonly request: unknown },
  ) => SimMessage;
  /** A call has come: tells of it. */
  readonly delivered: (node: SimNode, message: SimMessage) => void;
  readonly fail: (error: unknown) => void;
}

const never = new Promise<never>(() => {});
const mebibyte = 1024 * 1024;

/** What a process has of the network. */
interface Ends {
  readonly network: TcpNetwork;
  server: TcpServer | undefined;
}

/** `quorate/network/tcp` between the simulated nodes, over simulated sockets. */
export class WireNetwork {
  readonly #options: WireNetworkOptions;
  readonly #net: WireNet;
  readonly #book = new WireBook();
  readonly #ends = new WeakMap<SimProcess, Ends>();
  readonly #sockets = new WeakMap<SimProcess, ReturnType<WireNet['socketsOf']>>();

  constructor(options: WireNetworkOptions) {
    this.#options = options;
    this.#net = new WireNet({
      ...options,
      processAt: (address) => {
        const process = options.node(address)?.process;
        return process?.isDead === false ? process : undefined;
      },
      onWrite: (wire, bytes) => this.#onWrite(wire, bytes),
    });
  }

  of(node: SimNode, process: SimProcess): Network {
    const sockets = this.#net.socketsOf(node.id, process);
    const network = new TcpNetwork({ ...bounds(this.#options.choices), runtime: process, sockets });
    this.#sockets.set(process, sockets);
    this.#ends.set(process, { network, server: undefined });
    return {
      ordered: network.ordered,
      connect: (to) => {
        const peer = network.connect(to, { address: `${to}:${wirePort}` });
        return new WirePeer(peer, to, (target, call) =>
          process.isDead ? never : this.#call(node, process, peer, { ...call, to: target }),
        );
      },
    };
  }

  /** Lets the node answer from now on. */
  async serve(node: SimNode, process: SimProcess, rpc: RaftRpc): Promise<void> {
    const { choices } = this.#options;
    const ends = this.#ends.get(process);
    const sockets = this.#sockets.get(process);
    if (ends === undefined || sockets === undefined) return;
    const server = await TcpServer.listen({
      ...bounds(choices),
      maxOpenCalls: pick(choices, 'wire.openCalls', [4096, 4096, 2]),
      maxOpenStreams: pick(choices, 'wire.openStreams', [256, 256, 1]),
      runtime: process,
      sockets,
    });
    ends.server = server;
    server.serve(
      new SimPeer(node.id, (_, call) =>
        process.isDead ? never : this.#answer(node, process, rpc, call),
      ),
    );
  }

  /** Resolves when no socket and no timer of it is left. */
  async close(process: SimProcess): Promise<void> {
    const ends = this.#ends.get(process);
    await ends?.server?.close();
    await ends?.network[Symbol.asyncDispose]();
  }

  #onWrite(wire: Wire, bytes: Uint8Array): void {
    try {
      const kind = this.#book.write(wire, bytes);
      const { out } = wire.near;
      if (kind !== undefined && out !== undefined) out.kind = kind;
    } catch (error) {
      this.#options.fail(error);
    }
  }

  #call<Result>(
    node: SimNode,
    process: SimProcess,
    peer: RaftRpc,
    { kind, to, request, options, ask }: Asked<Result> & { readonly to: NodeId },
  ): Promise<Result> {
    if (node.crashesAt('send', kind, 'before')) return never;
    const message = this.#options.sent(node, { kind, to, request });
    const flight = this.#book.made(process, message);
    const result = attempt(() => ask(peer, options ?? {}, { request, chunks: (all) => all }));
    crashSoon(node, process, 'send', kind);
    return result.then(
      (response) => {
        this.#ended(flight, { response });
        return response;
      },
      (error: unknown) => {
        this.#ended(flight, { error });
        throw error;
      },
    );
  }

  /** The caller has its answer, or knows that it gets none. */
  #ended(flight: Flight, how: { readonly response: unknown } | { readonly error: unknown }): void {
    const { trace, fail } = this.#options;
    const { number } = flight.message;
    const isAnswer = 'response' in how || flight.answer !== undefined;
    const lost = flight.isDelivered ? 'loseAnswer' : 'lose';
    const type = isAnswer ? 'answer' : lost;
    trace.note(type, () => ({ type, message: number, text: answerText(how) }));
    try {
      if ('response' in how) checkAnswer(flight, how.response);
      else checkFailure(flight, how.error);
    } catch (error) {
      fail(error);
    }
  }

  /** A call has come out of the wire. */
  #answer<Result>(
    node: SimNode,
    process: SimProcess,
    rpc: RaftRpc,
    { kind, request, options, ask }: Asked<Result>,
  ): Promise<Result> {
    const flight = this.#arrived(kind, request, options);
    if (flight === undefined) return never;
    const { message } = flight;
    this.#options.delivered(node, message);
    const how = { request, chunks: (all: AsyncIterable<Uint8Array>) => all };
    const tell = (answer: { readonly response: Result } | { readonly error: unknown }): boolean => {
      if (process.isDead || node.crashesAt('answer', kind, 'before')) return false;
      if ('response' in answer) answered(flight, answer.response);
      else flight.answer = answer;
      this.#options.happen({ type: 'answered', message, node, copy: false, ...answer });
      crashSoon(node, process, 'answer', kind);
      return true;
    };
    return attempt(() => ask(rpc, options ?? {}, how)).then(
      (response) => (tell({ response }) ? response : never),
      (error: unknown) => {
        if (tell({ error })) throw error;
        return never;
      },
    );
  }

  #arrived(
    kind: keyof RaftRpc,
    request: unknown,
    options: CallOptions | undefined,
  ): Flight | undefined {
    try {
      const { delivering } = this.#net;
      const { number } = options as { readonly number?: number };
      if (delivering === undefined || number === undefined) {
        throw new Error(`A ${kind} is answered that comes from no connection.`);
      }
      return this.#book.delivered(delivering, number, kind, request);
    } catch (error) {
      this.#options.fail(error);
      return undefined;
    }
  }
}

type Asked<Result> = Pick<Parameters<Exchange>[1], 'kind' | 'request' | 'options'> & {
  readonly ask: (
    rpc: RaftRpc,
    options: CallOptions,
    how: {
      readonly request: unknown;
      readonly chunks: (source: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
    },
  ) => Promise<Result>;
};

/** A stand-in that closes the connections behind it. */
class WirePeer extends SimPeer {
  readonly #inner: AsyncDisposable;

  constructor(inner: AsyncDisposable, to: NodeId, exchange: Exchange) {
    super(to, exchange);
    this.#inner = inner;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }
}

/** Bounds that both ends may have. */
function bounds(choices: Choices): { readonly maxQueuedBytes: number } {
  return { maxQueuedBytes: pick(choices, 'wire.queue', [64 * mebibyte, mebibyte, 20_000]) };
}

/** When the bytes of this turn have left. */
function crashSoon(
  node: SimNode,
  process: SimProcess,
  what: 'send' | 'answer',
  kind: keyof RaftRpc,
): void {
  if (node.crashPoint === undefined) return;
  process.yieldToIo(() => node.crashesAt(what, kind, 'after'));
}

async function attempt<Result>(ask: () => Promise<Result>): Promise<Result> {
  return ask();
}
