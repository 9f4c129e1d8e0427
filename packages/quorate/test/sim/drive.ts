import type { EventQueue } from './event-queue.ts';
import { arm, disarm } from './trap.ts';

/** After so many events the process looks after what else it has to do. */
const eventsPerTurn = 8192;

export interface DriveOptions {
  readonly queue: EventQueue;
  /** Asked after each event, when all that it set in motion has come to rest. */
  readonly isOver: () => boolean;
  /** No event later than this is taken. */
  readonly until: number;
  readonly onEvent: () => void;
  readonly onError: (error: unknown) => void;
}

/** What comes after it is a microtask; `queueMicrotask` would track each, which nobody needs. */
const atRest = Promise.resolve();

/** The real one: traps are laid later. */
const realTurn = setImmediate;

/** Lets the event loop turn, in which other code than the simulated runs. */
export function turn(next: () => void): void {
  const wasArmed = disarm();
  realTurn(() => {
    if (wasArmed) arm();
    next();
  });
}

/**
 * Takes one event after the other until it is over. After each, every promise that can go on does:
 * Node runs what `nextTick` was given only when no microtask is left, and one that is queued behind
 * those of the event sees to it that all of these came first. It costs a small part of a turn of
 * the event loop, which would do the same.
 */
export function drive(options: DriveOptions): Promise<void> {
  const { queue, isOver, until, onEvent, onError } = options;
  return new Promise((resolve) => {
    let count = 0;
    const next = (): void => {
      if (isOver()) return resolve();
      const run = queue.take(until);
      if (run === undefined) return resolve();
      onEvent();
      try {
        run();
      } catch (error) {
        onError(error);
      }
      count += 1;
      if (count % eventsPerTurn === 0) turn(next);
      else void atRest.then(rest);
    };
    const rest = (): void => process.nextTick(next);
    // Whatever was set in motion before this has to come to rest first.
    void atRest.then(rest);
  });
}
