import type { RaftRpc } from '../../contract/network.ts';
import { UnsupportedError } from '../../errors.ts';
import type { ChannelHandler } from './channel.ts';
import { ChunkReader } from './chunk-reader.ts';
import { type ChunkWay, ChunkWriter } from './chunk-writer.ts';
import { frameTypes } from './frame.ts';
import type { IncomingCall } from './incoming-call.ts';
import {
  type ChannelRequest,
  type Method,
  type MethodRequest,
  type Responses,
  writeCredit,
  writeResponse,
} from './messages.ts';

/** Where the answer to a call goes. */
export interface AnswerWay {
  readonly isClogged: boolean;
  respond(call: IncomingCall, body: readonly Uint8Array[]): void;
  /** The call ends with an error. */
  refuse(call: IncomingCall, error: unknown): void;
  /** The last piece of a stream has been sent. */
  finish(call: IncomingCall): void;
  sendFrame(call: IncomingCall, type: number, body?: readonly Uint8Array[]): void;
}

/** Puts a question to the node, in this very turn, so that questions stay in order. */
export function answerNode(
  rpc: RaftRpc,
  asked: MethodRequest,
  call: IncomingCall,
  way: AnswerWay,
): void {
  const { method } = asked;
  let answer: Promise<Responses[Method] | void>;
  try {
    answer = ask(rpc, asked, call, way);
  } catch (error) {
    way.refuse(call, error);
    return;
  }
  answer.then(
    (response) => {
      let body: readonly Uint8Array[];
      try {
        body = writeResponse(method, response as Responses[typeof method]);
      } catch (error) {
        way.refuse(call, error);
        return;
      }
      way.respond(call, body);
    },
    (error: unknown) => way.refuse(call, error),
  );
}

function ask(
  rpc: RaftRpc,
  { method, request }: MethodRequest,
  call: IncomingCall,
  way: AnswerWay,
): Promise<Responses[Method] | void> {
  switch (method) {
    case 'appendEntries':
      return Promise.resolve(rpc.appendEntries(request, call));
    case 'requestVote':
      return rpc.requestVote(request, call);
    case 'installSnapshot':
      call.reader = new ChunkReader({
        grant: (bytes) => way.sendFrame(call, frameTypes.credit, writeCredit(bytes)),
        onStop: () => undefined,
      });
      return rpc.installSnapshot(request, call.reader, call);
    case 'timeoutNow':
      return rpc.timeoutNow(request, call);
    case 'readIndex':
      return rpc.readIndex(request, call);
    case 'forward':
      return rpc.forward(request, call);
    case 'identify':
      return rpc.identify(call);
    case 'join':
      return rpc.join(request, call);
    case 'leave':
      return rpc.leave(request, call);
  }
}

/** Puts a call or a stream to the handler of its channel. */
export function answerChannel(
  handler: ChannelHandler | undefined,
  { channel, kind, bytes }: ChannelRequest,
  call: IncomingCall,
  way: AnswerWay,
): void {
  if (kind === 'call' && handler?.call !== undefined) {
    answerCall(handler.call(bytes, call), call, way);
  } else if (kind === 'stream' && handler?.stream !== undefined) {
    answerStream(handler.stream(bytes, call), call, way);
  } else {
    const name = JSON.stringify(channel);
    throw new UnsupportedError(`Nothing answers a ${kind} on channel ${name} here.`);
  }
}

function answerCall(
  answer: Promise<Uint8Array> | Uint8Array,
  call: IncomingCall,
  way: AnswerWay,
): void {
  if (answer instanceof Uint8Array) {
    way.respond(call, [answer]);
    return;
  }
  answer.then(
    (bytes) => {
      if (bytes instanceof Uint8Array) way.respond(call, [bytes]);
      else way.refuse(call, new TypeError('A handler must answer with bytes.'));
    },
    (error: unknown) => way.refuse(call, error),
  );
}

function answerStream(chunks: AsyncIterable<Uint8Array>, call: IncomingCall, way: AnswerWay): void {
  const chunkWay: ChunkWay = {
    get isClogged() {
      return way.isClogged;
    },
    send: (type, body) => way.sendFrame(call, type, body),
  };
  call.writer = new ChunkWriter(chunkWay);
  call.writer.run(chunks).then(
    () => way.finish(call),
    (error: unknown) => way.refuse(call, error),
  );
}
