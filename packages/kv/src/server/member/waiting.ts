import type { Runtime, Timer } from 'quorate';

/** Runs something again and again, with a pause of `everyMs` between one end and the next start. */
export class Ticker {
  readonly #runtime: Runtime;
  readonly #everyMs: number;
  readonly #run: () => void;
  #timer: Timer | undefined;

  constructor(runtime: Runtime, everyMs: number, run: () => void) {
    this.#runtime = runtime;
    this.#everyMs = everyMs;
    this.#run = run;
    this.#arm();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#timer = this.#runtime.setTimer(() => {
      this.#arm();
      this.#run();
    }, this.#everyMs);
  }
}

/** Whether `ended` came to its end within `ms`. What it is about goes on in any case. */
export function endsWithin(runtime: Runtime, ms: number, ended: Promise<void>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = runtime.setTimer(() => resolve(false), ms);
    ended.then(
      () => {
        timer.cancel();
        resolve(true);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
