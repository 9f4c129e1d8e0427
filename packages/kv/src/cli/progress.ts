import type { CliContext } from './context.ts';

export interface Progress {
  /** So much more is done. */
  advance(amount: number): void;
  /** All is done: the line is taken away. */
  done(): void;
  /** It stays where it was. */
  fail(): void;
}

export interface ProgressOptions {
  readonly label: string;
  /** What 100% is; `undefined` if nobody knows. */
  readonly total: number | undefined;
  /** Writes an amount. Default: as bytes with a unit. */
  readonly write?: (amount: number) => string;
}

const barColumns = 24;
/** Often enough for the eye. */
const drawEveryMs = 100;

/** A bar on the standard error; nothing is drawn where that is no terminal. */
export function progressBar(
  { stderr, isErrorTerminal, columns }: CliContext,
  { label, total, write = bytesText }: ProgressOptions,
): Progress {
  let done = 0;
  let drawnAt = -Infinity;
  const draw = (): void => {
    const share = total === undefined || total <= 0 ? undefined : Math.min(1, done / total);
    const bar = share === undefined ? '' : ` ${barOf(share)} ${Math.floor(share * 100)}%`;
    stderr.write(`\r${`${label}${bar} ${write(done)}`.slice(0, columns - 1)}\u001b[K`);
  };
  if (!isErrorTerminal) return { advance: nothing, done: nothing, fail: nothing };
  draw();
  return {
    advance: (amount) => {
      done += amount;
      const now = performance.now();
      if (now - drawnAt < drawEveryMs) return;
      drawnAt = now;
      draw();
    },
    done: () => {
      stderr.write('\r\u001b[K');
    },
    fail: () => {
      draw();
      stderr.write('\n');
    },
  };
}

function barOf(share: number): string {
  const full = Math.round(share * barColumns);
  return `[${'#'.repeat(full)}${'.'.repeat(barColumns - full)}]`;
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `1536` as `1.5 KiB`. */
export function bytesText(bytes: number): string {
  let rest = bytes;
  let unit = 0;
  while (rest >= 1024 && unit < units.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? rest : rest.toFixed(1)} ${units[unit]}`;
}

function nothing(): void {
  // There is nobody to draw for.
}
