import type {
  CallOptions,
  ConnectOptions,
  LeaveRequest,
  Network,
  RaftRpc,
} from '../../src/contract/network.ts';
import type {
  AppendEntriesRequest,
  ForwardRequest,
  InstallSnapshotRequest,
  ReadIndexRequest,
  TimeoutNowRequest,
  VoteRequest,
} from '../../src/core/message.ts';
import type { NodeId, NodeInfo } from '../../src/core/types.ts';

/** One call on its way, as a test may look at it. */
export type Carried =
  | { readonly call: 'appendEntries'; readonly request: AppendEntriesRequest }
  | { readonly call: 'requestVote'; readonly request: VoteRequest }
  | { readonly call: 'installSnapshot'; readonly request: InstallSnapshotRequest }
  | { readonly call: 'timeoutNow'; readonly request: TimeoutNowRequest }
  | { readonly call: 'readIndex'; readonly request: ReadIndexRequest }
  | { readonly call: 'forward'; readonly request: ForwardRequest }
  | { readonly call: 'leave'; readonly request: LeaveRequest };

export type Message = Carried & { readonly from: NodeId; readonly to: NodeId };

/**
 * The wires between the nodes of a test, over whatever network. They can be cut in each direction,
 * and the test sees every call and can hold it. What meets a cut is lost: its caller waits until it
 * gives up by itself.
 */
export class Wires implements Network {
  readonly ordered: boolean;
  /** Called with every call before it leaves; what it returns is waited for. */
  onCall: (message: Message) => void | Promise<void> = () => undefined;
  /** Called before each question who a node is; it goes on when what this returns resolves. */
  onIdentify: () => void | Promise<void> = () => undefined;
  /** Called with every call that was answered, before the answer leaves; waited for as well. */
  onAnswer: (message: Message) => void | Promise<void> = () => undefined;
  /**
   * Called with every chunk of a snapshot before it leaves: throw to break the stream, return other
   * bytes to spoil it.
   */
  onChunk: (message: {
    readonly chunk: Uint8Array;
    readonly from: NodeId;
    readonly to: NodeId;
  }) => void | Uint8Array | Promise<void | Uint8Array> = () => undefined;
  /** Calls that have neither an answer nor been given up. */
  underWay = 0;
  readonly #network: Network;
  readonly #cuts = new Set<string>();

  constructor(network: Network) {
    this.#network = network;
    this.ordered = network.ordered;
  }

  /** Loses what `from` sends to `to`, requests and answers alike. */
  cut(from: NodeId, to: NodeId): void {
    this.#cuts.add(`${from} ${to}`);
  }

  /** Loses all that `id` sends to `others` and the other way round. */
  isolate(id: NodeId, others: Iterable<NodeId>): void {
    for (const other of others) {
      if (other === id) continue;
      this.cut(id, other);
      this.cut(other, id);
    }
  }

  heal(): void {
    this.#cuts.clear();
  }

  connect(target: NodeId, info: NodeInfo, how?: ConnectOptions): RaftRpc & AsyncDisposable {
    const peer = this.#network.connect(target, info, how);
    return {
      appendEntries: (request, options) =>
        this.#carry({ call: 'appendEntries', request }, target, options, () =>
          Promise.resolve(peer.appendEntries(request, options)),
        ),
      requestVote: (request, options) =>
        this.#carry({ call: 'requestVote', request }, target, options, () =>
          peer.requestVote(request, options),
        ),
      installSnapshot: (request, chunks, options) =>
        this.#carry({ call: 'installSnapshot', request }, target, options, () =>
          peer.installSnapshot(request, this.#each(chunks, options, target), options),
        ),
      timeoutNow: (request, options) =>
        this.#carry({ call: 'timeoutNow', request }, target, options, () =>
          peer.timeoutNow(request, options),
        ),
      readIndex: (request, options) =>
        this.#carry({ call: 'readIndex', request }, target, options, () =>
          peer.readIndex(request, options),
        ),
      forward: (request, options) =>
        this.#carry({ call: 'forward', request }, target, options, () =>
          peer.forward(request, options),
        ),
      // Who is who is asked beside what a test looks at, but a cut holds for it too.
      identify: (options) =>
        this.#pass(target, options, async () => {
          await untilAborted(Promise.resolve(this.onIdentify()), options?.signal);
          return peer.identify(options);
        }),
      join: (request, options) => this.#pass(target, options, () => peer.join(request, options)),
      leave: (request, options) =>
        this.#carry({ call: 'leave', request }, target, options, () =>
          peer.leave(request, options),
        ),
      [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
    };
  }

  /** Hands on the chunks of a snapshot, unless the wire is cut; the test sees each of them. */
  async *#each(
    chunks: AsyncIterable<Uint8Array>,
    options: CallOptions | undefined,
    to: NodeId,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const from = options?.from?.node ?? '';
    for await (const chunk of chunks) {
      const seen = Promise.resolve(this.onChunk({ chunk, from, to }));
      const spoiled = await untilAborted(seen, options?.signal);
      if (this.#cuts.has(`${from} ${to}`)) await lost(options?.signal);
      yield spoiled ?? chunk;
    }
  }

  #carry<Result>(
    carried: Carried,
    to: NodeId,
    options: CallOptions | undefined,
    ask: () => Promise<Result>,
  ): Promise<Result> {
    const message = { ...carried, from: options?.from?.node ?? '', to };
    return this.#pass(to, options, ask, message);
  }

  /** Without a `message` the test does not see the call. */
  async #pass<Result>(
    to: NodeId,
    options: CallOptions | undefined,
    ask: () => Promise<Result>,
    message?: Message,
  ): Promise<Result> {
    const from = options?.from?.node ?? '';
    this.underWay += 1;
    try {
      const held = message && this.onCall(message);
      if (held !== undefined) await untilAborted(held, options?.signal);
      if (this.#cuts.has(`${from} ${to}`)) await lost(options?.signal);
      const answer = await ask();
      const late = message && this.onAnswer(message);
      if (late !== undefined) await untilAborted(late, options?.signal);
      if (this.#cuts.has(`${to} ${from}`)) await lost(options?.signal);
      return answer;
    } finally {
      this.underWay -= 1;
    }
  }
}

function lost(signal: AbortSignal | undefined): Promise<void> {
  return untilAborted(new Promise(() => {}), signal);
}

/** Waits for `promise`, as long as the caller does. */
async function untilAborted<Result>(
  promise: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  signal?.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
