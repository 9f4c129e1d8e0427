import type { LogId, LogIndex, NodeId } from '../../../src/core/types.ts';
import { isRaftError } from '../../../src/node/error-codes.ts';
import { HistoryRecorder, type OpenCall } from '../../../src/testing/linearizability/history.ts';
import type { Outcome, SimWorld } from '../hooks.ts';
import type { Command, Response, Value } from '../machine.ts';
import { isSame, plainText } from '../oracle/hash.ts';
import { nameOf } from '../oracle/ledger.ts';
import type { SimOracle } from '../oracle/sim-oracle.ts';
import { demand, violation } from '../oracle/violation.ts';
import type { Input, SimOperation } from './history-model.ts';

export interface WriteAnswer {
  readonly logId: LogId;
  readonly response: Response;
}

export interface ReadAnswer {
  readonly index: LogIndex;
  readonly value: Value | null;
}

/** How a call ended, as far as the client can tell. */
export type Fate = 'done' | 'failed' | 'unknown';

/** A call that a client has made and that has not ended for it. */
export interface MadeCall {
  readonly client: string;
  readonly number: number;
  readonly input: Input;
  readonly node: NodeId;
  /** What was committed when it was made: a read shows no less. */
  readonly floor: LogIndex;
  /** The session that it is a write of. */
  readonly session: LogIndex | undefined;
  readonly open: OpenCall<Response>;
}

/**
 * Notes what clients called and what they were told, and compares each answer with what really
 * happened: S21 for reads, S22 for writes, and S23 for the answers to writes of sessions.
 */
export class CallBook {
  readonly #world: SimWorld;
  readonly #oracle: SimOracle;
  readonly #recorder = new HistoryRecorder<Input, Response>();
  readonly #fates = new Map<string, Fate>();
  #count = 0;
  /** Steps of clients: calls made, and answers taken. */
  steps = 0;

  constructor(world: SimWorld, oracle: SimOracle) {
    this.#world = world;
    this.#oracle = oracle;
  }

  get history(): readonly SimOperation[] {
    return this.#recorder.history;
  }

  /** By command: what its client was told. Reads are none. */
  get fates(): ReadonlyMap<string, Fate> {
    return this.#fates;
  }

  begin(client: string, node: NodeId, input: Input, session?: LogIndex): MadeCall {
    this.#count += 1;
    this.steps += 1;
    const number = this.#count;
    if (isUnique(input)) this.#fates.set(JSON.stringify(input), 'unknown');
    this.#world.trace.note('call', () => ({
      type: 'call',
      client,
      operation: number,
      node,
      text: plainText(input),
    }));
    const floor = this.#oracle.ledger.lastCommitted;
    const open = this.#recorder.call(client, input);
    return { client, number, input, node, floor, session, open };
  }

  /** A write has ended, or its client has given up waiting (`undefined`). */
  endWrite(call: MadeCall, outcome: Outcome<WriteAnswer> | undefined): Fate {
    if (outcome?.type !== 'value') return this.#endWithout(call, outcome);
    const { logId, response } = outcome.value;
    this.#returned(call, () => plainText(response));
    this.#checkWritten(call, logId, response);
    if (isUnique(call.input)) this.#fates.set(JSON.stringify(call.input), 'done');
    call.open.returned(response);
    return 'done';
  }

  endRead(call: MadeCall, outcome: Outcome<ReadAnswer> | undefined): Fate {
    if (outcome?.type !== 'value') return this.#endWithout(call, outcome);
    const { index, value } = outcome.value;
    this.#returned(call, () => plainText(value));
    this.#oracle.ledger.seen.readsServed += 1;
    demand(
      index >= call.floor,
      'S21',
      () =>
        `${call.node} let ${call.client} read at ${index}; ${call.floor} was committed when it asked`,
    );
    call.open.returned({ ok: true, value });
    return 'done';
  }

  #endWithout(call: MadeCall, outcome: Outcome<unknown> | undefined): Fate {
    const fate = fateOf(outcome);
    if (isExpired(outcome)) this.#demandOver(call);
    this.#returned(call, () => (outcome === undefined ? 'given up' : describe(outcome)));
    if (fate !== 'failed') return 'unknown';
    if (isUnique(call.input)) {
      const text = JSON.stringify(call.input);
      this.#fates.set(text, 'failed');
      this.#oracle.applies.watchFailed(text);
      this.#demandNoEffect(text, call);
    }
    call.open.failed();
    return 'failed';
  }

  /** What was said to have failed for good has not taken effect, and the end looks once more. */
  #demandNoEffect(command: string, { node, client }: MadeCall): void {
    const indexes = this.#oracle.applies.model.indexesOf(command);
    demand(
      indexes.length === 0,
      'S22',
      () => `${node} told ${client} that ${command} has failed, and it is entry ${indexes[0]}`,
    );
  }

  /** Sessions end by the order of the log, and by nothing that a node makes up. */
  #demandOver({ session, node, client }: MadeCall): void {
    demand(
      session !== undefined && this.#oracle.applies.mayRefuse(session),
      'S23',
      () => `${node} told ${client} that session ${session} is over, and by the log it is not`,
    );
  }

  #checkWritten({ input, node, client }: MadeCall, logId: LogId, response: Response): void {
    demand(
      this.#oracle.ledger.isCommitted(logId),
      'S22',
      () => `${node} told ${client} that ${nameOf(logId)} is done, and it is not committed`,
    );
    const { model } = this.#oracle.applies;
    const idle = this.#oracle.applies.idleAt(logId.index);
    demand(
      idle === undefined || idle === 'repeated',
      'S23',
      () => `${node} told ${client} that ${nameOf(logId)} is done, and it was ${idle}`,
    );
    if (!isUnique(input)) return;
    const indexes = model.indexesOf(JSON.stringify(input));
    const [index] = indexes;
    demand(
      index !== undefined && index <= logId.index,
      'S22',
      () => `${node} told ${client} that ${plainText(input)} is done, and it had no effect`,
    );
    const wanted = model.effectAt(index)?.response;
    demand(
      isSame(response, wanted) || indexes.length > 1,
      'S23',
      () =>
        `${node} answered ${plainText(response)} to ${plainText(input)}; ` +
        `when it took effect at entry ${index} it was ${plainText(wanted)}`,
    );
  }

  #returned({ client, number, node }: MadeCall, text: () => string): void {
    this.steps += 1;
    this.#world.trace.note('return', () => ({
      type: 'return',
      client,
      operation: number,
      node,
      text: text(),
    }));
  }
}

/** Whether nothing else that a client asks for is the same. */
export function isUnique(input: Input): input is Exclude<Command, { op: 'get' }> {
  return input.op !== 'read' && input.op !== 'get';
}

/** @throws {SimViolation} if it ended in a way that no call may end in. */
function fateOf(outcome: Outcome<unknown> | undefined): Fate {
  if (outcome === undefined || outcome.type === 'lost') return 'unknown';
  if (outcome.type === 'down') return 'failed';
  if (outcome.type === 'value') return 'done';
  const { error } = outcome;
  if (isRaftError(error)) return error.maybeApplied ? 'unknown' : 'failed';
  if (error instanceof Error && error.name === 'AbortError') return 'unknown';
  throw violation('S22', `a call ended with an error that is none of ours: ${String(error)}`, {
    cause: error,
  });
}

/** A write of a session was refused because the session is over, or it came too late. */
export function isExpired(outcome: Outcome<unknown> | undefined): boolean {
  if (outcome?.type !== 'error' || !isRaftError(outcome.error)) return false;
  return outcome.error.code === 'RAFT_SESSION_EXPIRED';
}

function describe(outcome: Outcome<unknown>): string {
  if (outcome.type !== 'error') return outcome.type;
  return isRaftError(outcome.error) ? outcome.error.code : String(outcome.error);
}
