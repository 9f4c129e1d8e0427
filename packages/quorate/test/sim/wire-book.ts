import { crc32 } from 'node:zlib';
import type { RaftRpc } from '../../src/contract/network.ts';
import type { AppendEntriesRequest } from '../../src/core/message.ts';
import { type Frame, frameTypes } from '../../src/network/tcp/frame.ts';
import { FrameReader } from '../../src/network/tcp/frame-reader.ts';
import { methodNumbers, writeRequest, writeResponse } from '../../src/network/tcp/messages.ts';
import { type SimMessage, SimViolation } from './hooks.ts';
import { payloadHash, plainText } from './oracle/hash.ts';
import type { SimProcess } from './process.ts';
import type { Wire } from './wire-net.ts';

type Kind = keyof RaftRpc;

/** One call between two nodes, and what has become of it. */
export interface Flight {
  readonly message: SimMessage;
  /** The bytes of the request, in short. */
  readonly key: string;
  isWritten: boolean;
  isDelivered: boolean;
  hasEnded: boolean;
  /** Its caller was told that it certainly has not arrived. */
  isDenied: boolean;
  /** What it was answered with. */
  answer: { readonly response: unknown } | { readonly error: unknown } | undefined;
}

/** So many calls that have ended and were never written are remembered for each process. */
const maxForgotten = 1000;
const kinds = new Map<number, Kind>(
  (Object.keys(methodNumbers) as (keyof typeof methodNumbers)[]).flatMap((kind) =>
    kind === 'channel' ? [] : [[methodNumbers[kind], kind] as const],
  ),
);

/**
 * Finds out which call it is that comes out of a connection: the frames of each dialler are read as
 * they are written, by call number, and what is delivered must be one of them, once and unchanged.
 */
export class WireBook {
  readonly #unwritten = new Map<SimProcess, Flight[]>();
  readonly #written = new WeakMap<Wire, { reader: FrameReader; flights: Map<number, Flight> }>();

  /** A call is made: its request will be written, or never be. */
  made(process: SimProcess, message: SimMessage): Flight {
    const flight: Flight = {
      message,
      key: requestKey(message.kind, message.request),
      isWritten: false,
      isDelivered: false,
      hasEnded: false,
      isDenied: false,
      answer: undefined,
    };
    const flights = this.#unwritten.get(process) ?? [];
    if (flights.length >= maxForgotten) {
      const oldest = flights.findIndex(({ hasEnded }) => hasEnded);
      if (oldest >= 0) flights.splice(oldest, 1);
    }
    flights.push(flight);
    this.#unwritten.set(process, flights);
    return flight;
  }

  /** A dialler writes these bytes. Returns what the last of their frames is about, if it shows. */
  write(wire: Wire, bytes: Uint8Array): Kind | undefined {
    const { reader, flights } = this.#of(wire);
    let kind: Kind | undefined;
    // The reader keeps what it is given, and the bytes go on their way.
    reader.push(bytes.slice(), (frame) => {
      kind = kindOf(frame) ?? kind;
      if (frame.type !== frameTypes.request) return;
      const flight = this.#leaves(wire, keyOf([frame.body]));
      if (flight === undefined) flights.delete(frame.call);
      else flights.set(frame.call, flight);
    });
    return kind;
  }

  /**
   * A call comes out of the wire on the other side.
   *
   * @throws {SimViolation} if nobody has made it, if it came before, or if it has changed.
   */
  delivered(wire: Wire, call: number, kind: Kind, request: unknown): Flight {
    const flight = this.#of(wire).flights.get(call);
    const name = `${kind} of ${wire.from} to ${wire.to}, call ${call}`;
    if (flight === undefined) throw wrong(`${name}, was made by nobody, or was sent before`);
    if (flight.isDelivered) throw wrong(`${name}, comes again`);
    const isSame =
      requestKey(kind, request) === flight.key || saysSame(request, flight.message.request);
    if (kind !== flight.message.kind || !isSame)
      throw wrong(`${name}, is not what was sent: ${flight.message.kind}`);
    if (flight.isDenied) throw wrong(`${name}, arrives when its caller was told that it never did`);
    flight.isDelivered = true;
    return flight;
  }

  #leaves({ dialled, to }: Wire, key: string): Flight | undefined {
    const flights = this.#unwritten.get(dialled) ?? [];
    const fits = (flight: Flight): boolean => flight.key === key && flight.message.to === to;
    let at = flights.findIndex((flight) => !flight.hasEnded && fits(flight));
    // One that was given up can be behind others that wait for the socket.
    if (at < 0) at = flights.findIndex(fits);
    const [flight] = at < 0 ? [] : flights.splice(at, 1);
    if (flight !== undefined) flight.isWritten = true;
    return flight;
  }

  #of(wire: Wire): { readonly reader: FrameReader; readonly flights: Map<number, Flight> } {
    let known = this.#written.get(wire);
    if (known === undefined) {
      known = { reader: new FrameReader({ maxBodyBytes: 2 ** 30 }), flights: new Map() };
      this.#written.set(wire, known);
    }
    return known;
  }
}

/** The server answers. */
export function answered(flight: Flight, response: unknown): void {
  flight.answer = { response };
}

/**
 * The caller is given an answer.
 *
 * @throws {SimViolation} if that is not what the other side has answered to this very call.
 */
export function checkAnswer(flight: Flight, response: unknown): void {
  const { message, answer } = flight;
  flight.hasEnded = true;
  const name = `${message.kind} ${message.number} of ${message.from} to ${message.to}`;
  if (answer === undefined) throw wrong(`${name}, is answered, and nobody has answered it`);
  if ('error' in answer) throw wrong(`${name}, is answered, and the answer was an error`);
  const [told, got] = [answer.response, response].map((one) =>
    keyOf(writeResponse(message.kind, one as never)),
  );
  if (told === got || saysSame(answer.response, response)) return;
  throw wrong(`${name}, gets the answer to something else`);
}

/**
 * The caller is given an error.
 *
 * @throws {SimViolation} if that says wrongly that the call has not arrived.
 */
export function checkFailure(flight: Flight, error: unknown): void {
  const { message, answer, isDelivered } = flight;
  flight.hasEnded = true;
  const hasEffect = message.kind === 'forward' || message.kind === 'timeoutNow';
  const { maybeApplied, code } = error as { maybeApplied?: boolean; code?: unknown };
  if (!hasEffect || code !== 'RAFT_UNREACHABLE' || maybeApplied === true) return;
  if (answer !== undefined && 'error' in answer) return;
  flight.isDenied = true;
  if (!isDelivered) return;
  const name = `${message.kind} ${message.number} of ${message.from} to ${message.to}`;
  throw wrong(`${name}, has arrived, and its caller is told that it has not: ${String(error)}`);
}

function kindOf({ type, body }: Frame): Kind | undefined {
  if (type === frameTypes.chunk || type === frameTypes.end) return 'installSnapshot';
  return type === frameTypes.request ? kinds.get(body[0] ?? 0) : undefined;
}

function requestKey(kind: Kind, request: unknown): string {
  return keyOf(writeRequest(kind, request as never));
}

function keyOf(parts: readonly Uint8Array[]): string {
  let size = 0;
  let sum = 0;
  for (const part of parts) {
    size += part.length;
    sum = crc32(part, sum);
  }
  return `${size} ${sum}`;
}

/** Of what is written as JSON the fields may come back in another order. */
function saysSame(one: unknown, other: unknown): boolean {
  return plainText(withoutValues(one)) === plainText(withoutValues(other));
}

/** What the bytes of commands mean is no part of a message. */
function withoutValues(message: unknown): unknown {
  if (typeof message !== 'object' || message === null || !('entries' in message)) return message;
  const { entries } = message as Pick<AppendEntriesRequest, 'entries'>;
  return {
    ...message,
    entries: entries.map(({ logId, payload }) => [logId, payloadHash(payload)]),
  };
}

function wrong(what: string): SimViolation {
  return new SimViolation('S30', 'wire', `A call, ${what}.`);
}
