import { KvError } from '../errors.ts';
import type { Compare, Revision, TxnRequest, TxnResponse, TxnResult } from '../types.ts';
import { expect, type Op } from './operations.ts';

export type Ops = readonly Op<unknown>[];

/** What the operations answer, each in its place. */
export type Answers<Done extends Ops> = {
  readonly [At in keyof Done]: Done[At] extends Op<infer Answer> ? Answer : never;
};

/** What a transaction did: `then` if every comparison held, otherwise `else`. */
export type TxnAnswer<Then extends Ops, Else extends Ops> =
  | {
      readonly succeeded: true;
      readonly revision: Revision;
      readonly results: Answers<Then>;
    }
  | {
      readonly succeeded: false;
      readonly revision: Revision;
      readonly results: Answers<Else>;
    };

/** How a transaction waits. */
export interface CommitOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

type Send = (request: TxnRequest, options: CommitOptions) => Promise<TxnResponse>;

interface Parts<Then extends Ops, Else extends Ops> {
  readonly compare: readonly Compare[];
  readonly then: Then;
  readonly else: Else;
}

/**
 * A transaction that is being put together; nothing is sent before `commit`. Each step makes a new
 * one, so that a beginning can be used several times.
 */
export class Txn<Then extends Ops = readonly [], Else extends Ops = readonly []> {
  readonly #send: Send;
  readonly #parts: Parts<Then, Else>;

  /** Transactions are made by `txn()` of a client. */
  constructor(send: Send, parts: Parts<Then, Else>) {
    this.#send = send;
    this.#parts = parts;
  }

  /** What must hold, all of it and beside what was named before. */
  if(...comparisons: readonly Compare[]): Txn<Then, Else> {
    const compare = [...this.#parts.compare, ...comparisons];
    return new Txn(this.#send, { ...this.#parts, compare });
  }

  /** What is done if it holds. Who awaits the transaction itself by mistake is told so. */
  then<const Done extends Ops>(...operations: Done): Txn<Done, Else> {
    demandOps(operations);
    return new Txn(this.#send, { ...this.#parts, then: operations });
  }

  /** What is done if it does not hold. */
  else<const Done extends Ops>(...operations: Done): Txn<Then, Done> {
    demandOps(operations);
    return new Txn(this.#send, { ...this.#parts, else: operations });
  }

  /** The whole as a part of another transaction. */
  nested(): Op<TxnAnswer<Then, Else>> {
    const operation = { type: 'txn', ...this.request() } as const;
    return { operation, read: (result: TxnResult) => this.#read(expect(result, 'txn')) };
  }

  /** As it goes through the log. */
  request(): TxnRequest {
    const { compare, then, else: otherwise } = this.#parts;
    return {
      compare,
      then: then.map(({ operation }) => operation),
      else: otherwise.map(({ operation }) => operation),
    };
  }

  /** Does it, all or nothing, once. */
  async commit(options: CommitOptions = {}): Promise<TxnAnswer<Then, Else>> {
    return this.#read(await this.#send(this.request(), options));
  }

  #read({ revision, succeeded, results }: TxnResponse): TxnAnswer<Then, Else> {
    const operations: Ops = succeeded ? this.#parts.then : this.#parts.else;
    if (results.length !== operations.length) {
      const message = `A transaction of ${operations.length} operations was answered with ${results.length} results.`;
      throw new KvError('KV_INTERNAL', message);
    }
    const answers = operations.map(({ read }, at) => read(results[at] as TxnResult));
    // The answers are made by the operations that the types name, each in its place.
    return { succeeded, revision, results: answers } as unknown as TxnAnswer<Then, Else>;
  }
}

/** `await` calls `then` with two functions. */
function demandOps(operations: readonly unknown[]): void {
  for (const operation of operations) {
    if (typeof operation === 'object' && operation !== null && 'operation' in operation) continue;
    const message =
      'A transaction takes operations, as op.put(...) makes them, and is sent by commit(): call ' +
      'commit() before you await it or return it from an async function.';
    throw new KvError('KV_INVALID', message);
  }
}
