import type { Logger, Runtime } from 'quorate';
import type { FailedDial } from 'quorate/network/tcp';

/** The same reason for the same member is told again after so long. */
const againMs = 60_000;
/** Addresses of members, old ones too, of which is remembered what was told. */
const mostRemembered = 100;

/** Says in the log why a member cannot be reached: once, not with every dial. */
export class FailedDials {
  readonly #runtime: Pick<Runtime, 'now'>;
  readonly #logger: Logger;
  readonly #told = new Map<string, { readonly reason: string; readonly at: number }>();

  constructor(runtime: Pick<Runtime, 'now'>, logger: Logger) {
    this.#runtime = runtime;
    this.#logger = logger;
  }

  tell({ node, remote, reason: { message } }: FailedDial): void {
    const at = this.#runtime.now();
    const last = this.#told.get(remote);
    if (last?.reason === message && at - last.at < againMs) return;
    // The one that was told longest ago goes.
    this.#told.delete(remote);
    const [oldest] = this.#told.keys();
    if (oldest !== undefined && this.#told.size >= mostRemembered) this.#told.delete(oldest);
    this.#told.set(remote, { reason: message, at });
    const who = node === undefined ? {} : { member: node };
    this.#logger.warn({ ...who, remote, reason: message }, 'a member cannot be reached');
  }
}
