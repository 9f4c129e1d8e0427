import type { Raft } from '../../src/node/raft.ts';
import type { Session } from '../../src/node/session.ts';
import type {
  Breakage,
  Command,
  Operation,
  OperationAnswer,
  OperationRequest,
  Order,
  OrderAnswer,
  Response,
} from './protocol.ts';
import type { ChaosStore } from './store.ts';

/** An operation is given up here after that; the client asks again before. */
const operationMs = 6000;
const orderMs = 5000;
/** Every so many writes, a node that repeats blindly does. */
const repeatEvery = 10;

/** What a client asked for last; asked for again, it is not begun again. */
interface Latest {
  readonly number: number;
  readonly answer: Promise<OperationAnswer>;
}

/** One node as its clients and its operator see it. */
export class ChaosService {
  readonly #raft: Raft<Command, Response>;
  readonly #store: ChaosStore;
  readonly #breakage: Breakage | undefined;
  readonly #latest = new Map<string, Latest>();
  readonly #sessions = new Map<string, Promise<Session<Command, Response>>>();
  #writeCount = 0;

  constructor(raft: Raft<Command, Response>, store: ChaosStore, breakage?: Breakage) {
    this.#raft = raft;
    this.#store = store;
    this.#breakage = breakage;
  }

  /** Never rejects. */
  operate({ client, number, operation }: OperationRequest): Promise<OperationAnswer> {
    const latest = this.#latest.get(client);
    if (latest?.number === number) return latest.answer;
    const answer = this.#operate(client, operation);
    this.#latest.set(client, { number, answer });
    return answer;
  }

  /** Never rejects. */
  async order(order: Order): Promise<OrderAnswer> {
    try {
      await this.#carryOut(order, AbortSignal.timeout(orderMs));
      return { done: true };
    } catch (error) {
      return { done: false, why: reasonOf(error) };
    }
  }

  async #operate(client: string, operation: Operation): Promise<OperationAnswer> {
    const signal = AbortSignal.timeout(operationMs);
    if (operation.type === 'get') return this.#read(operation, signal);
    const { via, ...command } = operation;
    if (this.#breakage === 'early-answers' && ['put', 'append'].includes(command.type)) {
      this.#raft.write(command, { signal }).catch(() => undefined);
      return { outcome: 'ok' };
    }
    let session: Session<Command, Response> | undefined;
    try {
      if (via === 'session') session = await this.#session(client, signal);
    } catch (error) {
      return { outcome: 'failed', reason: `No session: ${reasonOf(error)}` };
    }
    return this.#write(command, { client, session, signal });
  }

  async #read(
    { key, mode }: Extract<Operation, { type: 'get' }>,
    signal: AbortSignal,
  ): Promise<OperationAnswer> {
    try {
      if (this.#breakage !== 'stale-reads') await this.#raft.readBarrier({ mode, signal });
      const value = this.#store.get(key);
      return { outcome: 'ok', ...(value === undefined ? {} : { value }) };
    } catch (error) {
      return { outcome: 'failed', reason: reasonOf(error) };
    }
  }

  async #write(
    command: Command,
    {
      client,
      session,
      signal,
    }: {
      readonly client: string;
      readonly session: Session<Command, Response> | undefined;
      readonly signal: AbortSignal;
    },
  ): Promise<OperationAnswer> {
    try {
      this.#writeCount += 1;
      if (this.#breakage === 'blind-repeats' && this.#writeCount % repeatEvery === 0) {
        await this.#raft.write(command, { signal });
      }
      const { response } = await (session ?? this.#raft).write(command, { signal });
      return { outcome: 'ok', ...(response === undefined ? {} : { value: response }) };
    } catch (error) {
      if (codeOf(error) === 'RAFT_SESSION_EXPIRED') this.#sessions.delete(client);
      const outcome = certainlyNot(error) ? 'failed' : 'unknown';
      return { outcome, reason: reasonOf(error) };
    }
  }

  /** One for each client, opened when it is needed first. */
  async #session(client: string, signal: AbortSignal): Promise<Session<Command, Response>> {
    const opened = this.#sessions.get(client) ?? this.#raft.openSession({ signal });
    this.#sessions.set(client, opened);
    try {
      return await opened;
    } catch (error) {
      this.#sessions.delete(client);
      throw error;
    }
  }

  async #carryOut(order: Order, signal: AbortSignal): Promise<void> {
    const raft = this.#raft;
    switch (order.type) {
      case 'initialize': {
        const nodes = Object.fromEntries(order.nodes.map((node) => [node, {}]));
        return raft.initialize(nodes, { signal });
      }
      case 'addLearner':
        await raft.addLearner(order.node, {}, { signal, wait: false });
        return undefined;
      case 'removeLearner':
        await raft.removeLearner(order.node, { signal });
        return undefined;
      case 'changeVoters': {
        const { keepRemoved } = order;
        await raft.changeVoters(order.voters, { signal, keepRemoved });
        return undefined;
      }
      case 'transfer':
        return raft.transferLeadership(order.to, { signal });
      case 'snapshot':
        await raft.takeSnapshot({ signal });
        return undefined;
    }
  }
}

/** Whether the library has said that a write did not and will not take effect. */
function certainlyNot(error: unknown): boolean {
  return codeOf(error) !== undefined && Reflect.get(error as object, 'maybeApplied') === false;
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' && error.code.startsWith('RAFT_') ? error.code : undefined;
}

function reasonOf(error: unknown): string {
  return error instanceof Error
    ? `${codeOf(error) ?? error.name}: ${error.message}`
    : String(error);
}
