import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { trackChild } from './living-children.ts';

/** What goes to a child, and what comes back: one answer to each. */
export interface Question {
  readonly id: number;
  readonly method: string;
  readonly params: object;
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly problem: string };

interface Asked {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

const closeTimeoutMs = 10_000;
const projectFolder = path.resolve(import.meta.dirname, '../..');
const compiledFolder = path.join(projectFolder, 'node_modules', '.cache', 'quorate-bench', 'js');

/**
 * A program of this folder in a process of its own, which answers questions (`answerParent`). It
 * ends when this process does, however that ends.
 */
export class ChildProgram implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #gone: Promise<unknown>;
  readonly #asked = new Map<number, Asked>();
  #nextId = 1;
  #ended: Error | undefined;

  /** Resolves once it answers. `file` is relative to this folder. */
  static async start(file: string, argument: object, timeoutMs = 120_000): Promise<ChildProgram> {
    const program = path.join(import.meta.dirname, file);
    const child = fork(program, [JSON.stringify(argument)], {
      execArgv: ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'],
      // Many are started, and each would make JavaScript of the same sources.
      env: { ...process.env, NODE_COMPILE_CACHE: compiledFolder },
      // What it has to say is no part of the figures on the standard output.
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    const made = new ChildProgram(child, path.basename(file, '.ts'));
    try {
      await made.ask('ready', {}, timeoutMs);
    } catch (error) {
      await made.kill();
      throw error;
    }
    return made;
  }

  private constructor(child: ChildProcess, name: string) {
    this.#child = child;
    this.#name = name;
    trackChild(child);
    this.#gone = once(child, 'exit').catch(() => undefined);
    child.on('message', (answer: Answer) => this.#take(answer));
    child.once('error', (error) => this.#end(error));
    child.once('exit', (code, signal) => {
      this.#end(new Error(`${name} ended with ${signal ?? `exit code ${code}`}.`));
    });
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${this.#name} could not be started.`);
    return pid;
  }

  /** Rejects with what the child threw, when it ends, or when the time is up. */
  ask(method: string, params: object = {}, timeoutMs = 60_000): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      const id = this.#nextId++;
      const timer = setTimeout(() => {
        this.#asked.delete(id);
        reject(new Error(`${this.#name} did not answer "${method}" within ${timeoutMs} ms.`));
      }, timeoutMs);
      this.#asked.set(id, { resolve, reject, timer });
      const question: Question = { id, method, params };
      this.#child.send(question, (error) => {
        if (error !== null) this.#end(error);
      });
    });
  }

  /** Ends it in the middle of whatever it does; resolves once it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#gone;
  }

  /** Lets it close what it has open. */
  async close(): Promise<void> {
    try {
      await this.ask('close', {}, closeTimeoutMs);
    } finally {
      await this.kill();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #take(answer: Answer): void {
    const asked = this.#asked.get(answer.id);
    if (asked === undefined) return; // It came too late.
    this.#asked.delete(answer.id);
    clearTimeout(asked.timer);
    if ('problem' in answer) asked.reject(new Error(`${this.#name}: ${answer.problem}`));
    else asked.resolve(answer.result);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject, timer } of this.#asked.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#asked.clear();
  }
}
