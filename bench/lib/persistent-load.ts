import type { Contestant } from './contestant.ts';

const retryPauseMs = 5;
const giveUpMs = 60_000;
const value = new Uint8Array(256).fill(7);

export interface PersistentLoadOptions {
  readonly clients: number;
  /** How long one try may take. */
  readonly tryMs: number;
}

/** Clients that write again as soon as they are answered, and try again when they are not. */
export class PersistentLoad {
  readonly #clients: Promise<unknown>;
  #isOver = false;
  #waiting: { readonly since: number; readonly resolve: (at: number) => void } | undefined;

  constructor(contestant: Contestant, { clients, tryMs }: PersistentLoadOptions) {
    const names = Array.from({ length: clients }, (_, at) => `client-${at}`);
    this.#clients = Promise.all(names.map((name) => this.#writeOn(contestant, name, tryMs)));
  }

  /** When the first put was answered that began after `since`. */
  nextAnswer(since: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`Nothing was written for ${giveUpMs} ms.`)),
        giveUpMs,
      );
      this.#waiting = {
        since,
        resolve(at) {
          clearTimeout(timer);
          resolve(at);
        },
      };
    });
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#clients;
  }

  async #writeOn(contestant: Contestant, name: string, tryMs: number): Promise<void> {
    for (let count = 0; !this.#isOver; count += 1) {
      const beganAt = performance.now();
      try {
        await contestant.put(`${name}-${count % 100}`, value, tryMs);
        this.#answered(beganAt);
      } catch {
        // Whatever it was: the same is tried again, as long as it takes.
        await new Promise((resolve) => setTimeout(resolve, retryPauseMs));
      }
    }
  }

  #answered(beganAt: number): void {
    if (this.#waiting === undefined || beganAt < this.#waiting.since) return;
    this.#waiting.resolve(performance.now());
    this.#waiting = undefined;
  }
}
