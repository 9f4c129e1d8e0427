import type { Logger } from 'quorate';
import type { AlertSeverity, KvAlert, KvAlertCode } from '../../types.ts';
import { keyOf } from './kinds.ts';

type Level = 'info' | 'warn' | 'error';

const levels: Readonly<Record<AlertSeverity, Level>> = {
  info: 'info',
  warning: 'warn',
  error: 'error',
};
/** What others bring about is no error of this process. */
const broughtAbout: ReadonlySet<KvAlertCode> = new Set(['no-leader', 'member-silent']);
/** Elections are no news: what is over before is not worth a line, in milliseconds. */
const waits: Partial<Readonly<Record<KvAlertCode, number>>> = { 'no-leader': 2000 };

interface Kept {
  readonly alert: KvAlert;
  readonly since: number;
  readonly isTold: boolean;
}

/** Writes one line to the log when an alert begins or gets graver, and one when it is over. */
export class AlertBook {
  readonly #logger: Logger;
  #kept: ReadonlyMap<string, Kept> = new Map();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** `alerts`: all that there are now. */
  see(now: number, alerts: readonly KvAlert[]): void {
    const before = this.#kept;
    const kept = new Map<string, Kept>();
    for (const alert of alerts) {
      const key = keyOf(alert);
      // It may have two causes, as a disk may be silent after it was slow.
      if (!kept.has(key)) kept.set(key, this.#next(now, before, alert));
    }
    this.#kept = kept;
    for (const [key, { alert, isTold }] of before) {
      if (!isTold || kept.has(key)) continue;
      this.#logger.info({ alert: alert.code, about: alert.member }, `over: ${alert.message}`);
    }
  }

  #next(now: number, before: ReadonlyMap<string, Kept>, alert: KvAlert): Kept {
    const { code, member, severity, message, advice } = alert;
    const known = before.get(keyOf(alert));
    const since = known?.since ?? now;
    const isNews = known?.isTold !== true || known.alert.severity !== severity;
    if (isNews && now - since < (waits[code] ?? 0)) return { alert, since, isTold: false };
    if (isNews) {
      const level = broughtAbout.has(code) ? 'warn' : levels[severity];
      this.#logger[level]({ alert: code, about: member }, `${message} ${advice}`);
    }
    return { alert, since, isTold: true };
  }
}
