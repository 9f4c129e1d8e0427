import type { ForwardRequest, ForwardResponse } from '../core/message.ts';
import type { CommandData } from '../core/types.ts';
import { RefusedError, UnsupportedError } from '../errors.ts';
import type { Engine } from './engine.ts';
import { isRaftError } from './error-codes.ts';
import { notLeader } from './refusal.ts';
import { encodeResponse } from './response-codec.ts';
import { readSessionEntry } from './session-entries.ts';
import type { WriteResult } from './writes.ts';

/**
 * Logs a write that another node has passed on, and answers once it is applied here. A node that
 * does not lead refuses it, with the leader it knows of, and passes nothing on.
 *
 * @throws {RefusedError} for what the state machine or the codec threw; the command was not logged.
 */
export async function takeForwarded(
  engine: Engine,
  request: ForwardRequest,
): Promise<ForwardResponse> {
  const { leadership, leader, membership } = engine.state;
  if (leadership === undefined) throw notLeader(engine.id, leader, membership);
  const { logId, response } = await written(engine, request);
  try {
    return { logId, response: encodeResponse(engine.responseCodec, response) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `The command took effect as entry ${logId.index} of term ${logId.term}, but its response cannot travel. ${reason}`;
    throw new UnsupportedError(message, { cause, maybeApplied: true });
  }
}

async function written(engine: Engine, request: ForwardRequest): Promise<WriteResult<unknown>> {
  const { repeated, entry } = request;
  try {
    const data = dataOf(engine, request);
    return await new Promise((resolve, reject) => {
      engine.intake.write({ data, repeated, entry, isForwarded: true, resolve, reject });
    });
  } catch (cause) {
    if (isRaftError(cause)) throw cause;
    // Whatever is thrown from here on is an error of ours; so this came before the log.
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new RefusedError(message, { cause });
  }
}

/** Decodes the command, the one time that this node does. */
function dataOf(engine: Engine, { command, raw, session, entry }: ForwardRequest): CommandData {
  const rest = session === undefined ? {} : { session };
  if (entry === 'session') {
    // What no node can read must not get into the log: every node would stop at it.
    readSessionEntry(command);
    return { bytes: command, value: undefined, ...rest };
  }
  if (raw === true) return { bytes: command, raw, value: command, ...rest };
  return { bytes: command, value: engine.codec.decode(command), ...rest };
}
