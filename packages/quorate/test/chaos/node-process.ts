import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { NodeStart, Report } from './protocol.ts';

const program = fileURLToPath(new URL('server.ts', import.meta.url));

export interface NodeProcessEvents {
  readonly onReport: (report: Report) => void;
  /** It ended, and nobody had asked for that. */
  readonly onDeath: (how: string) => void;
}

/** One node in a process of its own. Whoever makes one kills it. */
export class NodeProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  /** Resolves once there is nothing left of it. */
  readonly gone: Promise<unknown>;
  #isPaused = false;
  #isKilled = false;

  /** `log` is the file that its words are appended to. */
  constructor(start: NodeStart, log: string, { onReport, onDeath }: NodeProcessEvents) {
    this.name = start.name;
    const words = openSync(log, 'a');
    this.#child = fork(program, [JSON.stringify(start)], {
      execArgv: ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', words, words, 'ipc'],
    });
    closeSync(words);
    this.gone = once(this.#child, 'exit').catch(() => undefined);
    this.#child.on('message', (report: Report) => {
      // What was on its way when it was killed is true, but of a process that is no more.
      if (!this.#isKilled) onReport(report);
    });
    this.#child.once('error', (error) => onDeath(`did not start: ${error.message}`));
    this.#child.once('exit', (code, signal) => {
      if (!this.#isKilled) onDeath(`ended with ${signal ?? `exit code ${code}`}`);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isAlive(): boolean {
    return !this.#isKilled && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** The whole process stands still, with its connections open. */
  pause(): void {
    if (this.isAlive) this.#isPaused = this.#child.kill('SIGSTOP');
  }

  resume(): void {
    if (this.#isPaused && this.isAlive) this.#child.kill('SIGCONT');
    this.#isPaused = false;
  }

  /** Ends it in the middle of whatever it does; resolves once it is gone. */
  async kill(): Promise<void> {
    this.#isKilled = true;
    if (this.#child.pid === undefined) return;
    // A child that has ended is not signalled: its number may be another's by now.
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL');
    }
    await this.gone;
  }
}
