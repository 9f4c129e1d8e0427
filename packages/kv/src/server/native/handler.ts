import { type ChannelContext, ChannelError, type ChannelHandler } from 'quorate/network/tcp';
import { KvError } from '../../errors.ts';
import { errorOf } from '../../protocol/failures.ts';
import {
  checkRange,
  checkRequestBytes,
  defaultLimits,
  type KvLimits,
} from '../../protocol/limits.ts';
import {
  callKinds,
  decodeKeepAlive,
  decodeRangeCall,
  decodeWrite,
  encodeKeptAlive,
} from '../../protocol/messages.ts';
import { RangeResponsesWriter } from '../../protocol/ranges.ts';
import {
  decodeRareCall,
  decodeWatchStream,
  encodeRareAnswer,
  type RareCall,
} from '../../protocol/rare-calls.ts';
import { isOneKey } from '../../store/key-span.ts';
import type { LeaseId, RangeRequest, RangeResponse } from '../../types.ts';
import type { CallContext, KvService, SessionNumber } from '../service.ts';
import { WatchStreams } from './watch-streams.ts';

/** The longest answer to one message of reads. What goes beyond it is refused. */
const maxAnswerBytes = 32 * 1024 * 1024;
/** Keys that are read from the disk at a time, for one message. */
const maxReadsTogether = 64;
/** What a message may have besides a command of the longest kind. */
const callHeadBytes = 17;

export interface NativeHandlerOptions {
  /** Those that the service has. Default: the defaults. */
  readonly limits?: KvLimits;
}

/**
 * Answers the clients of the native protocol (docs/kv-wire-format.md), to be registered at a
 * `TcpServer` for the channel `channelName`. Whatever fails reaches them as a `ChannelError` with
 * the code of a `KvError`.
 */
export function nativeHandler(
  service: KvService,
  { limits = defaultLimits }: NativeHandlerOptions = {},
): ChannelHandler {
  const handler = new NativeHandler(service, limits);
  return {
    call: (request, context) => handler.call(request, context),
    stream: (request, context) => handler.stream(request, context),
  };
}

class NativeHandler {
  readonly #service: KvService;
  readonly #limits: KvLimits;
  readonly #streams: WatchStreams;

  constructor(service: KvService, limits: KvLimits) {
    this.#service = service;
    this.#limits = limits;
    this.#streams = new WatchStreams(service, limits);
  }

  call(request: Uint8Array, context: ChannelContext): Promise<Uint8Array> | Uint8Array {
    let answer: Promise<Uint8Array>;
    try {
      checkRequestBytes(request.length - callHeadBytes, this.#limits);
      answer = this.#answer(request, context);
    } catch (error) {
      throw channelError(error);
    }
    return answer.catch((error: unknown) => {
      throw channelError(error);
    });
  }

  stream(request: Uint8Array, context: ChannelContext): AsyncIterable<Uint8Array> {
    try {
      checkRequestBytes(request.length, this.#limits);
      return this.#streams.open(decodeWatchStream(request), context.signal);
    } catch (error) {
      throw channelError(error);
    }
  }

  #answer(request: Uint8Array, context: ChannelContext): Promise<Uint8Array> {
    switch (request[0]) {
      case callKinds.write: {
        const { session, command } = decodeWrite(request);
        const how = session === undefined ? context : new NumberedCall(context, session);
        return this.#service.write(command, how);
      }
      case callKinds.range:
        return this.#ranges(request, context);
      case callKinds.keepAlive:
        return this.#keepAlive(decodeKeepAlive(request), context);
      case callKinds.rare:
        return this.#rare(decodeRareCall(request), context);
      default: {
        const kind = request[0] ?? 'nothing';
        throw new KvError('KV_INVALID', `A call begins with its kind, 1 to 4; got ${kind}.`);
      }
    }
  }

  async #ranges(call: Uint8Array, context: CallContext): Promise<Uint8Array> {
    const { requests, serializable } = decodeRangeCall(call);
    if (!serializable) await this.#service.barrier(context);
    const answers = new RangeResponsesWriter(maxAnswerBytes);
    const add = (read: RangeResponse | KvError): void => {
      if (read instanceof KvError) answers.refuse(read);
      else answers.add(read);
    };
    for (let at = 0; at < requests.length; at += 1) {
      const room = maxAnswerBytes - answers.byteLength;
      const read = this.#range(requests[at] as RangeRequest, room);
      if (!(read instanceof Promise)) {
        add(read);
        continue;
      }
      const together = this.#begin(requests, at, room);
      add(await read);
      for (const other of together) add(await other);
      at += together.length;
    }
    return answers.finish();
  }

  /** Single keys after one that must be waited for are read with it, up to some number. */
  #begin(
    requests: readonly RangeRequest[],
    at: number,
    room: number,
  ): (RangeResponse | KvError | Promise<RangeResponse | KvError>)[] {
    if (!isOneKey(requests[at] as RangeRequest)) return [];
    const next = requests.slice(at + 1, at + maxReadsTogether);
    const others = next.findIndex((request) => !isOneKey(request));
    const keys = others < 0 ? next : next.slice(0, others);
    return keys.map((request) => this.#range(request, room));
  }

  #range(
    request: RangeRequest,
    room: number,
  ): RangeResponse | KvError | Promise<RangeResponse | KvError> {
    try {
      checkRange(request, this.#limits);
      const read = this.#service.range(request, room);
      return read instanceof Promise ? read.catch(errorOf) : read;
    } catch (error) {
      return errorOf(error);
    }
  }

  async #keepAlive(ids: readonly LeaseId[], context: CallContext): Promise<Uint8Array> {
    const keptAlive = ids.map((id) => this.#keptAlive(id, context));
    return encodeKeptAlive(await Promise.all(keptAlive));
  }

  async #keptAlive(id: LeaseId, context: CallContext): Promise<number> {
    try {
      return (await this.#service.leaseKeepAlive(id, context)).ttl;
    } catch (error) {
      if (errorOf(error).code === 'KV_LEASE_NOT_FOUND') return 0;
      throw error;
    }
  }

  async #rare({ method, params }: RareCall, context: CallContext): Promise<Uint8Array> {
    const service = this.#service;
    switch (method) {
      case 'openSession':
        return encodeRareAnswer(method, await service.openSession(context));
      case 'closeSession':
        await service.closeSession(params.id, context);
        return encodeRareAnswer(method, undefined);
      case 'leases':
        return encodeRareAnswer(method, await service.leases(context));
      case 'leaseTimeToLive': {
        const { signal } = context;
        const lease = await service.leaseTimeToLive(params.id, { signal, keys: params.keys });
        return encodeRareAnswer(method, lease);
      }
      case 'status':
        return encodeRareAnswer(method, service.status());
      case 'hash':
        return encodeRareAnswer(method, service.hash());
      case 'memberAdd':
        return encodeRareAnswer(method, await service.memberAdd(params, context));
      case 'memberPromote':
        return encodeRareAnswer(method, await service.memberPromote(params, context));
      case 'memberRemove':
        return encodeRareAnswer(method, await service.memberRemove(params, context));
      case 'transferLeadership':
        await service.transferLeadership(params.to, context);
        return encodeRareAnswer(method, undefined);
      case 'watch':
        return encodeRareAnswer(method, { from: this.#streams.watch(params.stream, params) });
      case 'unwatch':
        this.#streams.unwatch(params.stream, params.watch);
        return encodeRareAnswer(method, undefined);
    }
  }
}

/** A write of a session. Its signal is made only when somebody looks at it. */
class NumberedCall {
  readonly #context: CallContext;
  readonly session: SessionNumber;

  constructor(context: CallContext, session: SessionNumber) {
    this.#context = context;
    this.session = session;
  }

  get signal(): AbortSignal {
    return this.#context.signal;
  }
}

function channelError(thrown: unknown): ChannelError {
  const { code, message, details } = errorOf(thrown);
  return new ChannelError(code, message, { details, cause: thrown });
}
