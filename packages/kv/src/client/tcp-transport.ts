import { type Channel, TcpClient, type TcpClientOptions } from 'quorate/network/tcp';
import { KvError } from '../errors.ts';
import { CommandWriter, decodeCommand, encodeCommand } from '../protocol/commands.ts';
import { errorOf } from '../protocol/failures.ts';
import {
  channelName,
  decodeKeptAlive,
  encodeKeepAlive,
  encodeRangeCall,
  encodeWrite,
} from '../protocol/messages.ts';
import { decodeRangeResponses } from '../protocol/ranges.ts';
import { decodeRareAnswer, encodeRareCall } from '../protocol/rare-calls.ts';
import { decodeResults } from '../protocol/results.ts';
import { encodeSnapshotRequest, snapshotChannelName } from '../protocol/snapshots.ts';
import type {
  LeaseId,
  MemberStatus,
  Operation,
  RangeRequest,
  RangeResponse,
  Result,
} from '../types.ts';
import type { ClientRuntime } from './runtime.ts';
import { TcpWatchStream } from './tcp-watch-stream.ts';
import type {
  ColdMethod,
  ColdMethods,
  CommandBatch,
  Transport,
  TransportOptions,
  WatchReceiver,
  WatchStream,
  Wire,
  WriteMessage,
} from './transport.ts';

/** Members are reached by the framed protocol over TCP, or over TLS. */
export class TcpWire implements Wire {
  readonly fullBatch: Wire['fullBatch'] = { count: 4096, bytes: 48 * 1024 };
  readonly fullRead: Wire['fullRead'] = { count: 512 };
  readonly maxUnanswered = 512;
  /** A connection that is silent is given up by itself, and its calls with it. */
  readonly attemptMs: number = Infinity;
  readonly #options: TcpClientOptions;
  readonly #runtime: ClientRuntime;
  /** One for all batches, since one is put together at a time. */
  readonly #writer = new CommandWriter();

  constructor(options: TcpClientOptions, runtime: ClientRuntime) {
    this.#options = options;
    this.#runtime = runtime;
  }

  connect(address: string): Transport {
    return new TcpTransport(new TcpClient(address, this.#options), this.#runtime);
  }

  nameOf(address: string): string {
    return address.replace(/^(tcp|tls):\/\//, '').replace(/\/$/, '');
  }

  addressOf({ clientAddress }: MemberStatus): string | undefined {
    return clientAddress;
  }

  newBatch(): CommandBatch {
    return new OpenBatch(this.#writer);
  }
}

/** Operations that are written as they come. */
class OpenBatch implements CommandBatch {
  readonly #writer: CommandWriter;
  #sealed: Uint8Array | undefined;
  #count = 0;

  constructor(writer: CommandWriter) {
    this.#writer = writer;
  }

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#sealed?.length ?? this.#writer.byteLength;
  }

  get command(): Uint8Array {
    if (this.#sealed === undefined) throw new KvError('KV_INTERNAL', 'A batch was sent unsealed.');
    return this.#sealed;
  }

  add(operation: Operation): void {
    if (operation.type === 'put') this.#writer.put(operation);
    else this.#writer.add(operation);
    this.#count += 1;
  }

  seal(): void {
    if (this.#sealed === undefined && this.#count > 0) this.#sealed = this.#writer.finish();
  }

  split(): readonly [CommandBatch, CommandBatch] {
    return splitCommand(this.command);
  }

  pick(places: readonly number[]): CommandBatch {
    return pickOf(this.command, places);
  }
}

/** A command that is as it is. */
class SealedBatch implements CommandBatch {
  readonly command: Uint8Array;
  readonly count: number;

  constructor(operations: readonly Operation[]) {
    this.command = encodeCommand(operations);
    this.count = operations.length;
  }

  get byteLength(): number {
    return this.command.length;
  }

  add(): void {
    throw new KvError('KV_INTERNAL', 'Nothing can be added to a batch that is sealed.');
  }

  seal(): void {
    // It is.
  }

  split(): readonly [CommandBatch, CommandBatch] {
    return splitCommand(this.command);
  }

  pick(places: readonly number[]): CommandBatch {
    return pickOf(this.command, places);
  }
}

function splitCommand(command: Uint8Array): readonly [CommandBatch, CommandBatch] {
  const operations = decodeCommand(command);
  const middle = operations.length >> 1;
  return [new SealedBatch(operations.slice(0, middle)), new SealedBatch(operations.slice(middle))];
}

function pickOf(command: Uint8Array, places: readonly number[]): CommandBatch {
  const operations = decodeCommand(command);
  return new SealedBatch(places.map((at) => operations[at] as Operation));
}

class TcpTransport implements Transport {
  readonly #client: TcpClient;
  readonly #channel: Channel;
  readonly #runtime: ClientRuntime;

  constructor(client: TcpClient, runtime: ClientRuntime) {
    this.#client = client;
    this.#channel = client.channel(channelName);
    this.#runtime = runtime;
  }

  async write(
    { session, sequence, batch }: WriteMessage,
    options: TransportOptions,
  ): Promise<readonly Result[]> {
    const { command } = batch as OpenBatch | SealedBatch;
    const answer = await this.#call(encodeWrite({ id: session, sequence }, command), options);
    return decodeResults(answer);
  }

  async ranges(
    requests: readonly RangeRequest[],
    { serializable, timeoutMs }: TransportOptions & { readonly serializable: boolean },
  ): Promise<readonly (RangeResponse | KvError)[]> {
    const answer = await this.#call(encodeRangeCall({ requests, serializable }), { timeoutMs });
    return decodeRangeResponses(answer).map((one) => {
      if (one.type === 'range') return one;
      const { code, message, details = {} } = one;
      return new KvError(code, message, { details });
    });
  }

  async keepAlive(ids: readonly LeaseId[], options: TransportOptions): Promise<readonly number[]> {
    return decodeKeptAlive(await this.#call(encodeKeepAlive(ids), options));
  }

  async cold<Method extends ColdMethod>(
    method: Method,
    params: ColdMethods[Method]['params'],
    options: TransportOptions,
  ): Promise<ColdMethods[Method]['answer']> {
    // Both tables say the same of these methods.
    const call = encodeRareCall(method, params as never);
    return decodeRareAnswer(method, await this.#call(call, options));
  }

  openWatches(receiver: WatchReceiver): WatchStream {
    const drawName = (): string => this.#runtime.randomId();
    return new TcpWatchStream({ channel: this.#channel, drawName, receiver });
  }

  async *snapshot({
    serializable,
    signal,
  }: Parameters<Transport['snapshot']>[0]): AsyncGenerator<Uint8Array, void, undefined> {
    const request = encodeSnapshotRequest({ serializable });
    try {
      yield* this.#client.channel(snapshotChannelName).stream(request, { signal });
    } catch (error) {
      throw errorOf(error);
    }
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #call(request: Uint8Array, options: TransportOptions): Promise<Uint8Array> {
    try {
      return await this.#channel.call(request, options);
    } catch (error) {
      throw errorOf(error);
    }
  }
}
