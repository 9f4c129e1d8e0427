import type { Logger, RaftMetrics } from 'quorate';
import type { KvError } from '../../errors.ts';
import type { KvAlert, KvAlertCode } from '../../types.ts';
import { alertOf } from '../alerts/kinds.ts';
import { alertsOfPicture } from '../alerts/picture-alerts.ts';

interface Problem {
  readonly code: KvAlertCode;
  readonly text: string;
  readonly level: 'error' | 'warn';
  /** Another member that it is about. */
  readonly about: string | undefined;
}

/** What is wrong with a member, and whether it may still be asked. */
export class Health {
  readonly #logger: Logger;
  readonly #problems = new Map<string, Problem>();
  #refusal: KvError | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Why every call is refused from now on; `undefined` while the member serves. */
  get refusal(): KvError | undefined {
    return this.#refusal;
  }

  /** Takes the member out of service. The first reason stays, but for a stop that fails. */
  refuse(reason: KvError): void {
    if (this.#refusal?.code === 'KV_UNHEALTHY') return;
    this.#refusal = reason;
  }

  /** @throws {KvError} if the member does not serve. */
  demandServing(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  /**
   * Notes a problem, and writes it once to the log; one of the same code and member replaces it.
   * `about`: another member, whose problem it is.
   */
  report(
    code: KvAlertCode,
    text: string,
    {
      level = 'error',
      about,
    }: { readonly level?: 'error' | 'warn'; readonly about?: string | undefined } = {},
  ): void {
    const key = `${code} ${about ?? ''}`;
    if (this.#problems.get(key)?.text === text) return;
    this.#problems.set(key, { code, text, level, about });
    this.#logger[level](about === undefined ? { problem: code } : { problem: code, about }, text);
  }

  /** The problem is over. */
  clear(code: KvAlertCode, about?: string): void {
    if (!this.#problems.delete(`${code} ${about ?? ''}`)) return;
    this.#logger.info({ problem: code }, 'a problem is over');
  }

  /** The problems that were reported, those of others too. `name`: this member's. */
  alerts(name: string): readonly KvAlert[] {
    return Array.from(this.#problems.values(), ({ code, text, level, about = name }) =>
      alertOf(code, about, text, { severity: level === 'warn' ? 'warning' : 'error' }),
    );
  }

  /** All that is wrong with this member, with what the node says of itself. */
  problemsWith(picture: RaftMetrics): readonly string[] {
    const own = [...this.#problems.values()].filter(({ about }) => about === undefined);
    return [...own, ...alertsOfPicture(picture).map(({ message: text }) => ({ text }))].map(
      ({ text }) => text,
    );
  }
}
