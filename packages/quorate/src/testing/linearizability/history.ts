/**
 * One call of a client, as the client saw it. Times may be of any clock that all clients share;
 * best is a counter, since two calls at the same time count as overlapping. A call that certainly
 * had no effect, such as a refused one, does not belong into a history.
 */
export type ClientOperation<Input, Output> = {
  /** Who called. A client waits for an answer, or gives up, before it makes its next call. */
  readonly client: string | number;
  readonly input: Input;
  readonly calledAt: number;
} & (
  | { readonly returnedAt: number; readonly output: Output }
  /** The outcome is unknown: it may take effect at any time after the call, or never. */
  | { readonly returnedAt?: undefined; readonly output?: undefined }
);

/** What ends a call in a {@link HistoryRecorder}. A call that is never ended is unknown. */
export interface OpenCall<Output> {
  returned(output: Output): void;
  /** It certainly had no effect and never will; the history is as if it had not been made. */
  failed(): void;
}

/** Notes the calls of all clients, in the order in which it is told of them. */
export class HistoryRecorder<Input, Output> {
  readonly #operations = new Map<number, ClientOperation<Input, Output>>();
  #clock = 0;

  /** Notes that a client makes a call, before anything of it is sent. */
  call(client: string | number, input: Input): OpenCall<Output> {
    this.#clock += 1;
    const calledAt = this.#clock;
    const open = { client, input, calledAt };
    this.#operations.set(calledAt, open);
    const end = (): void => {
      if (this.#operations.get(calledAt) === open) return;
      throw new Error(
        `A call must be ended once; call ${calledAt} of client ${String(client)} was ended twice.`,
      );
    };
    return {
      returned: (output) => {
        end();
        this.#clock += 1;
        this.#operations.set(calledAt, { ...open, returnedAt: this.#clock, output });
      },
      failed: () => {
        end();
        this.#operations.delete(calledAt);
      },
    };
  }

  /** All calls up to now, by the time of the call. */
  get history(): readonly ClientOperation<Input, Output>[] {
    return [...this.#operations.values()];
  }
}

/** Whether the client saw an answer. */
export function isKnown<Input, Output>(operation: ClientOperation<Input, Output>): boolean {
  return operation.returnedAt !== undefined;
}

/** @throws TypeError or RangeError where no client can have seen this. */
export function checkHistory(history: readonly ClientOperation<unknown, unknown>[]): void {
  if (!Array.isArray(history)) {
    throw new TypeError(`A history must be an array of operations; it is ${typeof history}.`);
  }
  const operations: readonly ClientOperation<unknown, unknown>[] = history;
  const seen = new Set<unknown>();
  for (const [at, operation] of operations.entries()) {
    checkOperation(operation, at);
    if (seen.has(operation)) {
      throw new RangeError(`Operation ${at} stands twice in the history; each call is one object.`);
    }
    seen.add(operation);
  }
  checkClients(operations);
}

function checkOperation(operation: ClientOperation<unknown, unknown>, at: number): void {
  if (typeof operation !== 'object' || operation === null) {
    throw new TypeError(`Operation ${at} must be an object; it is ${String(operation)}.`);
  }
  const { client, calledAt, returnedAt } = operation;
  if (typeof client !== 'string' && typeof client !== 'number') {
    throw new TypeError(`Operation ${at} must have a string or number as \`client\`.`);
  }
  if (!Number.isFinite(calledAt)) {
    throw new TypeError(
      `Operation ${at} must have a finite number as \`calledAt\`; it is ${String(calledAt)}.`,
    );
  }
  if (returnedAt === undefined) {
    if (operation.output === undefined) return;
    throw new TypeError(
      `Operation ${at} has an output and no \`returnedAt\`; give both, or neither if its outcome ` +
        'is unknown.',
    );
  }
  if (!Number.isFinite(returnedAt)) {
    throw new TypeError(
      `Operation ${at} must have a finite number as \`returnedAt\`, or none if its outcome is ` +
        `unknown; it is ${String(returnedAt)}.`,
    );
  }
  if (returnedAt < calledAt) {
    throw new RangeError(
      `Operation ${at} returned at ${returnedAt}, before it was called at ${calledAt}.`,
    );
  }
}

/** A client that calls before it was answered is two clients; as one it would be a false order. */
function checkClients(history: readonly ClientOperation<unknown, unknown>[]): void {
  const lastOf = new Map<string | number, ClientOperation<unknown, unknown>>();
  const known = history.filter(isKnown).sort((left, right) => left.calledAt - right.calledAt);
  for (const operation of known) {
    const before = lastOf.get(operation.client);
    if (before?.returnedAt !== undefined && before.returnedAt > operation.calledAt) {
      throw new RangeError(
        `Client ${String(operation.client)} called at ${operation.calledAt}, while its call of ` +
          `${before.calledAt} was open until ${before.returnedAt}. A client has one call open at ` +
          'a time; give calls that run side by side different clients.',
      );
    }
    lastOf.set(operation.client, operation);
  }
}
