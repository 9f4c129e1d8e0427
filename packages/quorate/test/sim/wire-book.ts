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
  readonly twins: Twins;
  isDelivered: boolean;
  hasEnded: boolean;
  /** Its caller was told that it certainly has not arrived. */
  isDenied: boolean;
  /** What it was answered with. */
  answer: { readonly response: unknown } | { readonly error: unknown } | undefined;
  /** The answer has been given to a caller: its own, or that of a twin. */
  isTaken: boolean;
}

/**
 * Calls of one process to one node with the same bytes, that were made before the one before them
 * was seen to leave: nothing in a frame says which of them it carries, so each may stand for each.
 */
interface Twins {
  /** The bytes of the request, in short, and for whom. */
  readonly key: string;
  readonly flights: Flight[];
  /** So many of them have not been seen to leave. */
  unwritten: number;
}

/** So many calls that were never written are remembered for each process. */
const maxUnwritten = 1000;
/** From so many twins on, those that are over are forgotten. */
const maxTwins = 64;
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
  readonly #unwritten = new WeakMap<SimProcess, Unwritten>();
  readonly #written = new WeakMap<Wire, { reader: FrameReader; calls: Map<number, Twins> }>();

  /** A call is made: its request will be written, or never be. */
  made(process: SimProcess, message: SimMessage): Flight {
    let unwritten = this.#unwritten.get(process);
    if (unwritten === undefined) {
      unwritten = new Unwritten();
      this.#unwritten.set(process, unwritten);
    }
    return unwritten.add(message, `${message.to} ${requestKey(message.kind, message.request)}`);
  }

  /** A dialler writes these bytes. Returns what the last of their frames is about, if it shows. */
  write(wire: Wire, bytes: Uint8Array): Kind | undefined {
    const { reader, calls } = this.#of(wire);
    let kind: Kind | undefined;
    // The reader keeps what it is given, and the bytes go on their way.
    reader.push(bytes.slice(), (frame) => {
      kind = kindOf(frame) ?? kind;
      if (frame.type !== frameTypes.request) return;
      const key = `${wire.to} ${keyOf([frame.body])}`;
      const twins = this.#unwritten.get(wire.dialled)?.leaves(key);
      if (twins === undefined) calls.delete(frame.call);
      else calls.set(frame.call, twins);
    });
    return kind;
  }

  /**
   * A call comes out of the wire on the other side.
   *
   * @throws {SimViolation} if nobody has made it, if it came before, or if it has changed.
   */
  delivered(wire: Wire, call: number, kind: Kind, request: unknown): Flight {
    const { calls } = this.#of(wire);
    const twins = calls.get(call);
    const name = `${kind} of ${wire.from} to ${wire.to}, call ${call}`;
    if (twins === undefined) {
      throw wrong(`${name}, was made by nobody, was sent before, or comes again`);
    }
    const waiting = twins.flights.filter(({ isDelivered }) => !isDelivered);
    const flight = waiting.find(({ hasEnded }) => !hasEnded) ?? waiting[0];
    if (flight === undefined) throw wrong(`${name}, comes again`);
    const isSame =
      `${wire.to} ${requestKey(kind, request)}` === twins.key ||
      saysSame(request, flight.message.request);
    if (kind !== flight.message.kind || !isSame)
      throw wrong(`${name}, is not what was sent: ${flight.message.kind}`);
    calls.delete(call);
    flight.isDelivered = true;
    if (hasArrivedDenied(twins)) {
      throw wrong(`${name}, arrives when its caller was told that it never did`);
    }
    return flight;
  }

  #of(wire: Wire): { readonly reader: FrameReader; readonly calls: Map<number, Twins> } {
    let known = this.#written.get(wire);
    if (known === undefined) {
      known = { reader: new FrameReader({ maxBodyBytes: 2 ** 30 }), calls: new Map() };
      this.#written.set(wire, known);
    }
    return known;
  }
}

/** What a process has asked and not yet written. */
class Unwritten {
  readonly #flights = new Set<Flight>();
  readonly #twins = new Map<string, Twins>();

  add(message: SimMessage, key: string): Flight {
    if (this.#flights.size >= maxUnwritten) this.#forgetOldest();
    const twins = this.#twins.get(key) ?? { key, flights: [], unwritten: 0 };
    this.#twins.set(key, twins);
    const flight: Flight = {
      message,
      twins,
      isDelivered: false,
      hasEnded: false,
      isDenied: false,
      answer: undefined,
      isTaken: false,
    };
    if (twins.flights.length >= maxTwins) forgetOver(twins);
    twins.flights.push(flight);
    twins.unwritten += 1;
    this.#flights.add(flight);
    return flight;
  }

  /** One of the calls with these bytes is written. */
  leaves(key: string): Twins | undefined {
    const twins = this.#twins.get(key);
    if (twins === undefined) return undefined;
    const unseen = twins.flights.find((flight) => this.#flights.has(flight));
    if (unseen !== undefined) this.#drop(unseen);
    return twins;
  }

  #forgetOldest(): void {
    for (const flight of this.#flights) if (flight.hasEnded) return this.#drop(flight);
  }

  /** When none of them is left, calls with these bytes are others. */
  #drop(flight: Flight): void {
    const { twins } = flight;
    this.#flights.delete(flight);
    twins.unwritten -= 1;
    if (twins.unwritten === 0) this.#twins.delete(twins.key);
  }
}

function forgetOver({ flights }: Twins): void {
  const over = flights.findIndex(({ hasEnded, isDelivered }) => hasEnded && isDelivered);
  if (over >= 0) flights.splice(over, 1);
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
  const { message, answer, twins } = flight;
  flight.hasEnded = true;
  const name = `${message.kind} ${message.number} of ${message.from} to ${message.to}`;
  const got = keyOf(writeResponse(message.kind, response as never));
  const answers = twins.flights.filter((twin) => twin.answer !== undefined);
  const own = answers.find(({ answer: told, isTaken }) => {
    if (told === undefined || 'error' in told || isTaken) return false;
    if (keyOf(writeResponse(message.kind, told.response as never)) === got) return true;
    return saysSame(told.response, response);
  });
  if (own !== undefined) {
    own.isTaken = true;
    return;
  }
  if (answers.length === 0) throw wrong(`${name}, is answered, and nobody has answered it`);
  if (answer !== undefined && 'error' in answer) {
    throw wrong(`${name}, is answered, and the answer was an error`);
  }
  throw wrong(`${name}, gets the answer to something else`);
}

/**
 * The caller is given an error.
 *
 * @throws {SimViolation} if that says wrongly that the call has not arrived.
 */
export function checkFailure(flight: Flight, error: unknown): void {
  const { message, twins } = flight;
  flight.hasEnded = true;
  const hasEffect = message.kind === 'forward' || message.kind === 'timeoutNow';
  const { maybeApplied, code } = error as { maybeApplied?: boolean; code?: unknown };
  if (!hasEffect || code !== 'RAFT_UNREACHABLE' || maybeApplied === true) return;
  const refused = twins.flights.find((twin) => hasRefused(twin));
  if (refused !== undefined) {
    refused.isTaken = true;
    return;
  }
  flight.isDenied = true;
  if (!hasArrivedDenied(twins)) return;
  const name = `${message.kind} ${message.number} of ${message.from} to ${message.to}`;
  throw wrong(`${name}, has arrived, and its caller is told that it has not: ${String(error)}`);
}

/** The other side has answered it with an error, which no caller has had yet. */
function hasRefused({ answer, isTaken }: Flight): boolean {
  return answer !== undefined && 'error' in answer && !isTaken;
}

/** More have arrived than there are whose callers were not told that theirs has not. */
function hasArrivedDenied({ flights }: Twins): boolean {
  const denied = flights.filter(({ isDenied }) => isDenied).length;
  const arrived = flights.filter(({ isDelivered }) => isDelivered).length;
  return denied > 0 && denied + arrived > flights.length;
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
