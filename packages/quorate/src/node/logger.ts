/**
 * Where a node writes what an operator wants to know; see docs/guide/observing.md for what is
 * written at which level. Few lines: none for an entry, a call or a heartbeat. A logger of pino
 * fits as it is.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const levels = ['debug', 'info', 'warn', 'error'] as const;

export type LogLevel = (typeof levels)[number];

/** Every line that a node writes, and at which level. */
export const lines = {
  'stopped by itself': 'error',
  'is in quarantine': 'error',
  'gave up leadership, which nobody took over': 'warn',
  'a member does not answer': 'warn',
  'the disk does not answer': 'warn',
  'a snapshot could not be built': 'warn',
  'a snapshot could not be sent': 'warn',
  started: 'info',
  closed: 'info',
  'is leader now': 'info',
  'leads no more': 'info',
  'has a leader': 'info',
  'another membership is in force': 'info',
  'a member answers again': 'info',
  'the disk answers again': 'info',
  'built a snapshot': 'info',
  'received a snapshot': 'info',
  'sent a snapshot': 'info',
  'stands for election': 'debug',
  'knows of no leader': 'debug',
  'is candidate now': 'debug',
  'is follower now': 'debug',
  'is learner now': 'debug',
  'a snapshot did not come whole': 'debug',
} as const;

export type LogLine = keyof typeof lines;

/** @throws {TypeError} that names what is missing. */
export function checkLogger(logger: unknown): void {
  if (logger === undefined) return;
  for (const level of levels) {
    const isObject = typeof logger === 'object' && logger !== null;
    const found: unknown = isObject ? Reflect.get(logger, level) : undefined;
    if (typeof found === 'function') continue;
    throw new TypeError(
      `options.logger must have the methods ${levels.join(', ')}, as those of pino and console; ${level} is ${String(found)}.`,
    );
  }
}

/**
 * Hands lines to the application's logger. What that throws is dropped: a full disk under a log
 * file must not cost a node of the cluster, and there is nowhere else to say it.
 */
export class Journal {
  readonly #logger: Logger | undefined;
  readonly #node: string;

  constructor(node: string, logger: Logger | undefined) {
    this.#node = node;
    this.#logger = logger;
  }

  write(message: LogLine, fields: object = {}): void {
    if (this.#logger === undefined) return;
    try {
      // A logger that is an async function after all would end the process by its rejection.
      const returned: unknown = this.#logger[lines[message]](
        { node: this.#node, ...fields },
        message,
      );
      if (returned instanceof Promise) returned.catch(() => undefined);
    } catch {
      // See above.
    }
  }
}
