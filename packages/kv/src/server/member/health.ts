import type { Logger, RaftMetrics } from 'quorate';
import type { KvError } from '../../errors.ts';

/** A disk that owes an answer for longer is a problem, in milliseconds. */
const silentDiskMs = 1000;

/** What is wrong with a member, and whether it may still be asked. */
export class Health {
  readonly #logger: Logger;
  readonly #problems = new Map<string, string>();
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

  /** Notes a problem, and writes it once to the log; one of the same name replaces it. */
  report(
    name: string,
    problem: string,
    { level = 'error' }: { level?: 'error' | 'warn' } = {},
  ): void {
    if (this.#problems.get(name) === problem) return;
    this.#problems.set(name, problem);
    this.#logger[level]({ problem: name }, problem);
  }

  /** The problem is over. */
  clear(name: string): void {
    if (!this.#problems.delete(name)) return;
    this.#logger.info({ problem: name }, 'a problem is over');
  }

  /** All that is wrong, with what the node says of itself. */
  problemsWith(picture: RaftMetrics): readonly string[] {
    const problems = [...this.#problems.values()];
    const { fatal, quarantine, snapshotFailure, diskSilentMs, leader, isRunning } = picture;
    if (fatal !== undefined) problems.push(fatal.message);
    if (quarantine !== undefined) problems.push(quarantine);
    if (snapshotFailure !== undefined) {
      problems.push(`No snapshot could be built, and the log grows: ${snapshotFailure}`);
    }
    if (diskSilentMs > silentDiskMs) {
      problems.push(`The disk has not answered for ${Math.round(diskSilentMs)} ms.`);
    }
    if (isRunning && leader === undefined) problems.push('No leader is known.');
    return problems;
  }
}
