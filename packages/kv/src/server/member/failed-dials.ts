import type { Logger, Runtime } from 'quorate';
import type { FailedDial } from 'quorate/network/tcp';

/** The same reason for the same member is told again after so long. */
const againMs = 60_000;
/** As many addresses with reasons are remembered. */
const mostRemembered = 100;

/** Says in the log why a member cannot be reached: once, not with every dial. */
export class FailedDials {
  readonly #runtime: Pick<Runtime, 'now'>;
  readonly #logger: Logger;
  /** When it was told, by address and reason. */
  readonly #told = new Map<string, number>();

  constructor(runtime: Pick<Runtime, 'now'>, logger: Logger) {
    this.#runtime = runtime;
    this.#logger = logger;
  }

  tell({ node, remote, reason: { message } }: FailedDial): void {
    const at = this.#runtime.now();
    const what = `${remote} ${message}`;
    const last = this.#told.get(what);
    if (last !== undefined && at - last < againMs) return;
    // The one that was told longest ago goes.
    this.#told.delete(what);
    const [oldest] = this.#told.keys();
    if (oldest !== undefined && this.#told.size >= mostRemembered) this.#told.delete(oldest);
    this.#told.set(what, at);
    const who = node === undefined ? {} : { member: node };
    this.#logger.warn({ ...who, remote, reason: message }, 'a member cannot be reached');
  }
}
