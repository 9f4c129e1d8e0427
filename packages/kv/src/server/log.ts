import { pino, stdSerializers } from 'pino';
import type { Logger } from 'quorate';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LogOptions {
  readonly level: LogLevel;
  /** On every line, to tell members apart that log into one place. */
  readonly member: string;
  /** Who takes the lines. Default: the standard output, which they reach before `log` returns. */
  readonly write?: (line: string) => void;
}

/** A logger that writes one line of JSON for each event: `{"level","time","member",...,"msg"}`. */
export function openLog({ level, member, write }: LogOptions): Logger {
  return pino(
    {
      level,
      base: { member },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: stdSerializers.err, error: errorField },
    },
    write === undefined ? pino.destination({ dest: 1, sync: true }) : { write },
  );
}

/** The library writes messages there, and errors elsewhere. */
function errorField(error: unknown): unknown {
  return error instanceof Error ? stdSerializers.err(error) : error;
}
