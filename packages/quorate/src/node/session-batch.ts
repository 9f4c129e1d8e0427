import type { Codec } from '../contract/codec.ts';
import type { Committed } from '../contract/state-machine.ts';
import { assertNever } from '../core/assert.ts';
import type { LogId } from '../core/types.ts';
import { SessionExpiredError, UnsupportedError } from '../errors.ts';
import { mark } from '../platform/sites.ts';
import { decodeResponse, encodeResponse } from './response-codec.ts';
import { readSessionEntry } from './session-entries.ts';
import type { KeptResponse, SessionTable, SessionWrite } from './session-table.ts';

/** What the writer of an entry of a session is told. Made only where somebody waits for it. */
export class SessionAnswer {
  readonly #answer: () => unknown;

  constructor(answer: () => unknown) {
    this.#answer = answer;
  }

  settle(resolve: (response: unknown) => void, reject: (reason: unknown) => void): void {
    let response: unknown;
    try {
      response = this.#answer();
    } catch (reason) {
      reject(reason);
      return;
    }
    resolve(response);
  }
}

/** What is kept of a response that the codec cannot encode; no encoded response begins so. */
const notEncodable = Uint8Array.of(255);

const done = new SessionAnswer(() => undefined);

/**
 * A batch in which there are entries of sessions: of the commands, those go to the state machine
 * that belong to no session or are the first of their number.
 */
export class SessionBatch {
  /** What goes to the state machine. */
  readonly commands: Committed<unknown>[];
  /** Every entry that somebody may wait for. */
  readonly entries: Committed<unknown>[];
  /** One for each entry, or where in `commands` the state machine's response to it will be. */
  readonly #answers: (SessionAnswer | number)[];
  readonly #fresh: { at: number; write: SessionWrite; kept: KeptResponse }[] = [];
  readonly #table: SessionTable;
  readonly #codec: Codec<unknown>;
  #isRecorded = false;

  /** Goes on after commands of no session. */
  constructor(table: SessionTable, codec: Codec<unknown>, commands: readonly Committed<unknown>[]) {
    this.#table = table;
    this.#codec = codec;
    this.commands = [...commands];
    this.entries = [...commands];
    this.#answers = commands.map((_, at) => at);
  }

  /** Takes a command; `decode` is asked only if it goes to the state machine. */
  command(logId: LogId, session: SessionWrite | undefined, decode: () => unknown): void {
    if (session === undefined) {
      const command = { logId, command: decode() };
      return this.#add(command, this.commands.push(command) - 1);
    }
    const verdict = this.#table.admit(session, logId.index);
    switch (verdict.type) {
      case 'fresh': {
        const { kept } = verdict;
        const command = { logId, command: decode() };
        this.#fresh.push({ at: this.commands.length, write: session, kept });
        this.commands.push(command);
        return this.#add(command, this.#answerOf(kept));
      }
      case 'repeated':
        mark('sessions.repeated');
        return this.#add({ logId, command: undefined }, this.#answerOf(verdict.kept));
      case 'expired':
      case 'forgotten':
        mark(`sessions.${verdict.type}`);
        return this.#add({ logId, command: undefined }, refusal(verdict.type, session));
      default:
        return assertNever(verdict);
    }
  }

  /** Opens or closes a session. */
  sessionEntry(logId: LogId, data: Uint8Array): void {
    const entry = readSessionEntry(data);
    if (entry.type === 'open') this.#table.open(logId.index, entry.bounds);
    else this.#table.close(entry.id, logId.index);
    this.#add({ logId, command: undefined }, done);
  }

  /** Keeps the responses of the state machine with the sessions, once. */
  record(responses: readonly unknown[]): void {
    if (this.#isRecorded) return;
    this.#isRecorded = true;
    for (const { at, write, kept } of this.#fresh) {
      this.#table.record(write, kept, this.#encoded(responses[at]));
    }
  }

  /** One answer for each entry: the state machine's response, or a `SessionAnswer`. */
  answers(responses: readonly unknown[]): readonly unknown[] {
    return this.#answers.map((answer) => (typeof answer === 'number' ? responses[answer] : answer));
  }

  #add(entry: Committed<unknown>, answer: SessionAnswer | number): void {
    this.entries.push(entry);
    this.#answers.push(answer);
  }

  /** A throw would stop every node at this entry, again and again, so it becomes the response. */
  #encoded(response: unknown): Uint8Array {
    try {
      return encodeResponse(this.#codec, response);
    } catch {
      return notEncodable;
    }
  }

  /** The write took effect, whatever the codec makes of its response. */
  #decoded(bytes: Uint8Array): unknown {
    try {
      return decodeResponse(this.#codec, bytes);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new UnsupportedError(
        `The write took effect, but its response cannot be read. ${reason}`,
        {
          cause,
          maybeApplied: true,
        },
      );
    }
  }

  /** The first answer and all later ones are read from the same bytes. */
  #answerOf(kept: KeptResponse): SessionAnswer {
    return new SessionAnswer(() => {
      const bytes = kept.bytes ?? notEncodable;
      if (bytes[0] !== notEncodable[0]) return this.#decoded(bytes);
      throw new UnsupportedError(
        'The write took effect, but the response codec could not encode what the state machine answered, and the responses to writes of a session must survive it. Return what JSON can hold, or set options.responseCodec.',
        { maybeApplied: true },
      );
    });
  }
}

function refusal(type: 'expired' | 'forgotten', write: SessionWrite): SessionAnswer {
  return new SessionAnswer(() => {
    throw endOf(type, write);
  });
}

function endOf(type: 'expired' | 'forgotten', { id, sequence }: SessionWrite): SessionExpiredError {
  if (type === 'expired') {
    return new SessionExpiredError(
      `Session ${id} is over: it was closed, or it was the one used longest ago when others needed room (maxSessions, maxSessionBytes). This write was not applied. Open another session.`,
    );
  }
  return new SessionExpiredError(
    `Write ${sequence} of session ${id} came again when its response was no longer kept (sessionWindow, maxSessionBytes), or too late to take effect. Open another session, and look at the state before writing it again.`,
    { maybeApplied: true },
  );
}
