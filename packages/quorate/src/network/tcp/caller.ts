import type { RaftRpc } from '../../contract/network.ts';
import { OverloadedError, UnreachableError, WrongTargetError } from '../../errors.ts';
import type { Timer } from '../../platform/runtime.ts';
import { type AnswerWay, answerChannel, answerNode } from './answering.ts';
import type { CallerHost, ServedCaller } from './caller-host.ts';
import type { ChannelCaller } from './channel.ts';
import { Connection, type ConnectionOwner } from './connection.ts';
import { readFailure, writeFailure } from './failure.ts';
import { WireFormatError } from './fields.ts';
import { type Frame, FrameError, frameTypes } from './frame.ts';
import { refusalOf, strangeName } from './greeting.ts';
import {
  type Hello,
  readHello,
  readSpeaker,
  type Speaker,
  writeWelcome,
} from './handshake-messages.ts';
import { IncomingCall } from './incoming-call.ts';
import {
  type ChannelRequest,
  type Method,
  type MethodRequest,
  readCredit,
  readRequest,
} from './messages.ts';
import type { Socket, SocketHandler } from './sockets.ts';
import { commonVersion, wireVersions } from './version.ts';

const welcomeHead = { type: frameTypes.welcome, group: 0, call: 0 };

/** One who has connected to the server: from its hello on, through all its calls. */
export class Caller implements ConnectionOwner, AnswerWay, ServedCaller {
  readonly #host: CallerHost;
  readonly #connection: Connection;
  /** All that have no answer yet. */
  readonly #calls = new Map<number, IncomingCall>();
  /** Those whose answer is awaited, also if their caller has given up. */
  #openCalls = 0;
  #openBytes = 0;
  /** Counted apart: to come to an end, a stream needs more to be read. */
  #openStreams = 0;
  #isPaused = false;
  #isWelcome = false;
  /** Who it said it is, in its hello. */
  #node: string | undefined;
  #speaker: Speaker & { readonly peer: ChannelCaller } = { peer: { certificateNames: [] } };
  #deadline: Timer | undefined;

  constructor(host: CallerHost, socket: Socket) {
    this.#host = host;
    this.#connection = new Connection(this, host.runtime, host.limits);
    this.#connection.attach(socket);
    const { handshakeTimeoutMs } = host;
    this.#deadline = host.runtime.setTimer(() => {
      this.turnAway(new UnreachableError(`No hello came within ${handshakeTimeoutMs} ms.`));
    }, handshakeTimeoutMs);
  }

  get handler(): SocketHandler {
    return this.#connection;
  }

  get openCalls(): number {
    return this.#openCalls + this.#openStreams;
  }

  /** Tells the caller why it is not served, and ends. */
  turnAway(reason: Error): void {
    if (!this.#connection.isUsable) return;
    this.#host.onRefused(this.#connection.socket.remote, reason);
    this.#connection.sayGoodbye(reason);
  }

  /** Ends in good order: the caller may come again. */
  close(reason: Error): void {
    this.#connection.sayGoodbye(reason);
  }

  /** Ends without a word. */
  destroy(reason: Error): void {
    this.#connection.destroy(reason);
  }

  onOpen(): void {}

  onFrame(frame: Frame): void {
    if (!this.#isWelcome) this.#greet(frame);
    else {
      try {
        this.#take(frame);
      } catch (error) {
        this.turnAway(asError(error));
      }
    }
  }

  onDrain(): void {
    if (this.#openStreams > 0) for (const call of this.#calls.values()) call.writer?.wake();
    this.#balance();
  }

  onEnd(reason: Error): void {
    this.#deadline?.cancel();
    if (reason.cause instanceof FrameError) {
      this.#host.onRefused(this.#connection.socket.remote, reason);
    }
    const gone = new UnreachableError('The caller has gone.', { cause: reason });
    for (const call of this.#calls.values()) call.abort(gone);
    this.#calls.clear();
  }

  onClosed(): void {
    this.#host.onClosed(this);
  }

  get isClogged(): boolean {
    return this.#connection.isClogged;
  }

  respond(call: IncomingCall, body: readonly Uint8Array[]): void {
    this.#end(call, frameTypes.response, body);
  }

  refuse(call: IncomingCall, error: unknown): void {
    this.#end(call, frameTypes.failure, writeFailure(error));
  }

  finish(call: IncomingCall): void {
    this.#end(call, undefined);
  }

  sendFrame(call: IncomingCall, type: number, body?: readonly Uint8Array[]): void {
    if (this.#calls.get(call.number) !== call) return;
    this.#connection.send({ type, group: 0, call: call.number }, body);
  }

  #greet(frame: Frame): void {
    this.#deadline?.cancel();
    let refusal: Error | undefined;
    try {
      if (frame.type !== frameTypes.hello) {
        throw new WireFormatError('The first frame is no hello.');
      }
      const hello = readHello(frame.body);
      refusal = refusalOf(hello, this.#host, this.#peer(hello.node));
      if (refusal === undefined) this.#welcome(hello);
    } catch (error) {
      refusal = asError(error);
    }
    if (refusal !== undefined) this.turnAway(refusal);
  }

  #welcome(hello: Hello): void {
    const { maxBodyBytes } = this.#host.limits;
    const { cluster, node, incarnation } = this.#host.served(0)?.identity?.() ?? {};
    const body = writeWelcome({
      version: commonVersion(wireVersions, hello) ?? wireVersions.maxVersion,
      maxBodyBytes,
      ...(cluster === undefined ? {} : { cluster }),
      ...(node === undefined ? {} : { node }),
      ...(incarnation === undefined ? {} : { incarnation }),
    });
    this.#isWelcome = true;
    this.#node = hello.node;
    this.#speaker = { peer: this.#peer(hello.node) };
    this.#connection.welcome();
    this.#connection.send(welcomeHead, body);
  }

  #peer(node: string | undefined): ChannelCaller {
    const { certificateNames = [] } = this.#connection.socket;
    return { certificateNames, ...(node === undefined ? {} : { node }) };
  }

  #take(frame: Frame): void {
    switch (frame.type) {
      case frameTypes.request:
        this.#open(frame);
        return;
      case frameTypes.speaker:
        this.#introduce(readSpeaker(frame.body));
        return;
      case frameTypes.cancel:
        this.#cancel(frame.call);
        return;
      case frameTypes.chunk:
        this.#chunk(frame);
        return;
      case frameTypes.end:
        this.#calls.get(frame.call)?.reader?.end();
        return;
      case frameTypes.failure:
        this.#calls.get(frame.call)?.reader?.fail(broken(readFailure(frame.body)));
        return;
      case frameTypes.credit:
        this.#calls.get(frame.call)?.writer?.grant(readCredit(frame.body));
        return;
      default:
        throw new WireFormatError(`A caller sends no frame of type ${frame.type}.`);
    }
  }

  #introduce(speaker: Speaker): void {
    const node = speaker.from?.node;
    const peer = this.#peer(node ?? this.#node);
    const strange = strangeName(node, this.#host.nodeNames, peer);
    if (strange !== undefined) throw strange;
    this.#speaker = { ...speaker, peer };
  }

  #open({ call: number, group, body }: Frame): void {
    if (this.#calls.has(number)) {
      throw new WireFormatError(`Call ${number} is under way already.`);
    }
    let asked: MethodRequest | ChannelRequest;
    try {
      asked = readRequest(body);
    } catch (error) {
      this.#send(number, frameTypes.failure, writeFailure(error));
      return;
    }
    const isStream =
      asked.method === 'channel' ? asked.kind === 'stream' : asked.method === streamed;
    const { maxOpenStreams } = this.#host.limits;
    if (isStream && this.#openStreams >= maxOpenStreams) {
      const full = new OverloadedError(`${maxOpenStreams} streams are under way already.`);
      this.#send(number, frameTypes.failure, writeFailure(full));
      return;
    }
    const call = new IncomingCall(number, isStream, body.length, this.#speaker);
    this.#calls.set(number, call);
    this.#count(call, 1);
    try {
      if (asked.method === 'channel') {
        answerChannel(this.#host.handler(asked.channel), asked, call, this);
      } else answerNode(this.#rpc(group, asked.method), asked, call, this);
    } catch (error) {
      this.refuse(call, error);
    }
    this.#balance();
  }

  #rpc(group: number, method: Method): RaftRpc {
    const { from } = this.#speaker;
    if (this.#host.nodeNames !== undefined && from === undefined && method !== 'identify') {
      throw new WrongTargetError('The call does not say who asks, and its certificate must tell.');
    }
    const served = this.#host.served(group);
    if (served !== undefined) return served.rpc;
    throw new UnreachableError(`No node answers here for group ${group}.`);
  }

  #cancel(number: number): void {
    const call = this.#calls.get(number);
    if (call === undefined) return;
    this.#calls.delete(number);
    call.abort(new UnreachableError('The caller no longer waits.'));
  }

  #chunk({ call: number, body }: Frame): void {
    const reader = this.#calls.get(number)?.reader;
    if (reader === undefined || reader.push(body)) return;
    throw new WireFormatError(`The stream of call ${number} is longer than was granted.`);
  }

  #end(call: IncomingCall, type?: number, body?: readonly Uint8Array[]): void {
    this.#count(call, -1);
    // A call that was cancelled may have left its number to another one.
    if (this.#calls.get(call.number) === call) {
      this.#calls.delete(call.number);
      if (type !== undefined) this.#send(call.number, type, body);
    }
    if (this.#isPaused || this.#connection.isClogged) this.#balance();
  }

  #send(call: number, type: number, body?: readonly Uint8Array[]): void {
    this.#connection.send({ type, group: 0, call }, body);
  }

  #count(call: IncomingCall, by: 1 | -1): void {
    if (call.isStream) this.#openStreams += by;
    else {
      this.#openCalls += by;
      this.#openBytes += by * call.bodyBytes;
    }
  }

  /** Reads nothing more while too much is unanswered, or answers are not taken. */
  #balance(): void {
    const { maxOpenCalls, maxOpenBytes } = this.#host.limits;
    // Goes on at half of it, so that it need not stop again at once.
    const share = this.#isPaused ? 0.5 : 1;
    const isTooMuch =
      this.#openCalls >= maxOpenCalls * share ||
      this.#openBytes >= maxOpenBytes * share ||
      this.#connection.isClogged;
    if (isTooMuch === this.#isPaused) return;
    this.#isPaused = isTooMuch;
    if (isTooMuch) this.#connection.pause();
    else this.#connection.resume();
  }
}

const streamed: Method = 'installSnapshot';

function broken(cause: Error): UnreachableError {
  return new UnreachableError(`The caller broke its stream off: ${cause.message}`, { cause });
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
