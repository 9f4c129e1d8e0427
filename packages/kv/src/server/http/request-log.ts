import type { Logger } from 'quorate';

import type { KvError } from '../../errors.ts';

/** What failed, for a line. */
export interface FailedRequest {
  readonly request: string;
  readonly operation: string;
  readonly method: string;
  readonly path: string;
}

/** Lines of one code within a second; what is more is counted, since an outage fails everything. */
const linesPerSecond = 10;

/** Tells an operator of requests that failed on the server's side. */
export class RequestLog {
  readonly #logger: Logger | undefined;
  readonly #seen = new Map<string, { since: number; lines: number; left: number }>();

  constructor(logger: Logger | undefined) {
    this.#logger = logger;
  }

  failed(error: KvError, failed: FailedRequest, now: number): void {
    if (this.#logger === undefined) return;
    const seen = this.#seen.get(error.code) ?? { since: now, lines: 0, left: 0 };
    this.#seen.set(error.code, seen);
    const { left } = seen;
    if (now - seen.since >= 1000) Object.assign(seen, { since: now, lines: 0, left: 0 });
    if (seen.lines >= linesPerSecond) {
      seen.left += 1;
      return;
    }
    seen.lines += 1;
    const fields = { ...failed, code: error.code, reason: error.message };
    const more = left > 0 && seen.left === 0 ? { leftOut: left } : {};
    if (error.code === 'KV_INTERNAL') {
      this.#logger.error({ ...fields, ...more, err: error.cause ?? error }, 'a request failed');
    } else {
      this.#logger.warn({ ...fields, ...more }, 'a request failed');
    }
  }
}
