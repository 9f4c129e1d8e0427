import { connect, type Socket } from 'node:net';
import {
  FrameSplitter,
  flags,
  frameTypes,
  type Http2Frame,
  headBytes,
  http2Frame,
  initialWindowBytes,
  largestWindowBytes,
  preface,
  requestHeaders,
  resetFrame,
  settingIds,
  settingsFrame,
  windowUpdateFrame,
  writeHead,
} from './http2.ts';

/** A gRPC message is preceded by one byte (compressed or not) and its length. */
const prefixBytes = 5;
const cancelCode = 8;
/** How much is read before the server is granted as much again. */
const grantBytes = 2 ** 28;

interface Call {
  readonly headers: Buffer;
  readonly message: Uint8Array;
  readonly resolve: (message: Buffer) => void;
  readonly reject: (error: Error) => void;
  answer: Buffer | undefined;
}

/**
 * Unary gRPC calls over one connection, as cheap as they can be for the two cores that client and
 * servers share: calls of one turn leave in one write. A call that the server refuses rejects
 * without its reason, which is in Huffman codes; the server's log has it.
 */
export class GrpcConnection {
  readonly #socket: Socket;
  readonly #authority: string;
  readonly #headers = new Map<string, Buffer>();
  readonly #calls = new Map<number, Call>();
  readonly #splitter = new FrameSplitter();
  #waiting: Call[] = [];
  #outgoing: Buffer[] = [];
  #nextStream = 1;
  #sendWindow = initialWindowBytes;
  #streamWindow = initialWindowBytes;
  #maxStreams = Infinity;
  #readSinceGrant = 0;
  #ended: Error | undefined;

  /** Resolves once the connection stands. */
  static open(host: string, port: number): Promise<GrpcConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new GrpcConnection(socket, `${host}:${port}`));
      });
    });
  }

  private constructor(socket: Socket, authority: string) {
    this.#socket = socket;
    this.#authority = authority;
    socket.on('data', (chunk: Buffer) => this.#splitter.push(chunk, (frame) => this.#take(frame)));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error(`${authority} closed the connection.`)));
    this.#send(preface);
    // No table of headers to keep, and no bound but one that is never reached.
    const own = [
      [settingIds.headerTableSize, 0],
      [settingIds.enablePush, 0],
      [settingIds.initialWindowSize, largestWindowBytes],
    ] as const;
    this.#send(settingsFrame(own));
    this.#send(windowUpdateFrame(largestWindowBytes - initialWindowBytes));
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Rejects after `timeoutMs`, if that is given; the server is told then. */
  call(path: string, message: Uint8Array, timeoutMs?: number): Promise<Buffer> {
    const made = new Promise<Buffer>((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      let headers = this.#headers.get(path);
      if (headers === undefined) {
        headers = requestHeaders(path, this.#authority);
        this.#headers.set(path, headers);
      }
      const call: Call = { headers, message, resolve, reject, answer: undefined };
      if (timeoutMs !== undefined) this.#bound(call, timeoutMs);
      this.#waiting.push(call);
      this.#startCalls();
    });
    return made;
  }

  close(): void {
    this.#end(new Error('This connection was closed.'));
  }

  /** In the order in which they came, as far as the server lets them. */
  #startCalls(): void {
    let started = 0;
    for (const call of this.#waiting) {
      const bytes = prefixBytes + call.message.length;
      if (bytes > this.#streamWindow) {
        call.reject(new RangeError(`A message has ${this.#streamWindow} bytes at most here.`));
      } else if (bytes > this.#sendWindow || this.#calls.size >= this.#maxStreams) {
        break;
      } else {
        this.#sendWindow -= bytes;
        this.#start(call, bytes);
      }
      started += 1;
    }
    if (started > 0) this.#waiting = this.#waiting.slice(started);
  }

  #start(call: Call, dataBytes: number): void {
    const { headers, message } = call;
    const stream = this.#nextStream;
    this.#nextStream += 2;
    this.#calls.set(stream, call);
    const bytes = Buffer.allocUnsafe(2 * headBytes + headers.length + dataBytes);
    const head = { type: frameTypes.headers, flags: flags.endHeaders, stream };
    let at = writeHead(bytes, 0, head, headers.length);
    at += headers.copy(bytes, at);
    const dataHead = { type: frameTypes.data, flags: flags.endStream, stream };
    at = writeHead(bytes, at, dataHead, dataBytes);
    bytes[at] = 0;
    at = bytes.writeUInt32BE(message.length, at + 1);
    bytes.set(message, at);
    this.#send(bytes);
  }

  #bound(call: Call, timeoutMs: number): void {
    const timer = setTimeout(() => {
      this.#waiting = this.#waiting.filter((other) => other !== call);
      for (const [stream, other] of this.#calls) {
        if (other !== call) continue;
        this.#calls.delete(stream);
        this.#send(resetFrame(stream, cancelCode));
      }
      call.reject(new Error(`No answer within ${timeoutMs} ms.`));
    }, timeoutMs);
    const { resolve, reject } = call;
    Object.assign(call, {
      resolve(message: Buffer) {
        clearTimeout(timer);
        resolve(message);
      },
      reject(error: Error) {
        clearTimeout(timer);
        reject(error);
      },
    });
  }

  #take(frame: Http2Frame): void {
    const { type, stream, body } = frame;
    if (type === frameTypes.data) {
      this.#takeData(frame);
    } else if (type === frameTypes.headers) {
      if ((frame.flags & flags.endStream) !== 0) this.#finish(stream);
    } else if (type === frameTypes.windowUpdate) {
      if (stream === 0) this.#sendWindow += body.readUInt32BE(0);
      this.#startCalls();
    } else if (type === frameTypes.settings) {
      if ((frame.flags & flags.ack) === 0) this.#takeSettings(body);
    } else if (type === frameTypes.ping) {
      if ((frame.flags & flags.ack) !== 0) return;
      // The body is a view of what the socket gave.
      this.#send(http2Frame({ type, flags: flags.ack, stream: 0 }, body));
    } else if (type === frameTypes.resetStream) {
      this.#refuse(stream, `The server reset the call, code ${body.readUInt32BE(0)}.`);
    } else if (type === frameTypes.goAway) {
      this.#end(new Error(`${this.#authority} ended the connection.`));
    }
  }

  #takeData({ stream, body, flags: set }: Http2Frame): void {
    this.#readSinceGrant += body.length;
    if (this.#readSinceGrant >= grantBytes) {
      this.#send(windowUpdateFrame(this.#readSinceGrant));
      this.#readSinceGrant = 0;
    }
    const call = this.#calls.get(stream);
    if (call === undefined) return; // It was given up.
    if ((set & flags.padded) !== 0) return this.#refuse(stream, 'Padded data is not understood.');
    call.answer = call.answer === undefined ? body : Buffer.concat([call.answer, body]);
    if ((set & flags.endStream) !== 0) this.#finish(stream);
  }

  #takeSettings(body: Buffer): void {
    for (let at = 0; at + 6 <= body.length; at += 6) {
      const id = body.readUInt16BE(at);
      const value = body.readUInt32BE(at + 2);
      if (id === settingIds.maxConcurrentStreams) this.#maxStreams = value;
      if (id === settingIds.initialWindowSize) this.#streamWindow = value;
    }
    const head = { type: frameTypes.settings, flags: flags.ack, stream: 0 };
    this.#send(http2Frame(head, Buffer.alloc(0)));
    this.#startCalls();
  }

  /** A message that is there means success: a server that refuses sends none. */
  #finish(stream: number): void {
    const call = this.#calls.get(stream);
    if (call === undefined) return;
    const { answer } = call;
    if (answer === undefined || answer.length < prefixBytes) {
      return this.#refuse(stream, `${this.#authority} refused the call; its log says why.`);
    }
    this.#calls.delete(stream);
    call.resolve(answer.subarray(prefixBytes, prefixBytes + answer.readUInt32BE(1)));
    if (this.#waiting.length > 0) this.#startCalls();
  }

  #refuse(stream: number, message: string): void {
    const call = this.#calls.get(stream);
    this.#calls.delete(stream);
    call?.reject(new Error(message));
  }

  #send(bytes: Buffer): void {
    if (this.#outgoing.length === 0) setImmediate(() => this.#flush());
    this.#outgoing.push(bytes);
  }

  #flush(): void {
    const all = this.#outgoing;
    this.#outgoing = [];
    if (this.#ended === undefined) this.#socket.write(Buffer.concat(all));
  }

  #end(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#socket.destroy();
    for (const call of [...this.#calls.values(), ...this.#waiting]) call.reject(error);
    this.#calls.clear();
    this.#waiting = [];
  }
}
