import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { Readable, type Writable } from 'node:stream';

export interface ShellOptions {
  /** Where it begins, and where what is run and printed is written. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** A script that takes longer has failed. */
  readonly timeoutMs: number;
}

export interface Ran {
  /** The last code other than 0 that a command of it ended with. */
  readonly code: number;
  /** Both streams. */
  readonly output: string;
}

/**
 * One session of bash, as a reader has it in a terminal: variables, folders and processes in the
 * background stay from one script to the next. What it has started ends with it, and it ends with
 * this process.
 */
export class PageShell implements AsyncDisposable {
  readonly #options: ShellOptions;
  readonly #bash: ChildProcess;
  readonly #input: Writable;
  readonly #codes: Interface;
  readonly #ended: Promise<unknown>;
  #count = 0;

  constructor(options: ShellOptions) {
    const { folder, env } = options;
    this.#options = options;
    const bash = spawn('bash', ['--norc', '--noprofile'], {
      cwd: folder,
      env,
      stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
      // A group of its own, which can be ended as a whole.
      detached: true,
    });
    this.#bash = bash;
    this.#ended = once(bash, 'exit');
    const { stdin } = bash;
    const codes = bash.stdio[3];
    if (stdin === null || !(codes instanceof Readable)) throw new TypeError('bash has no pipes.');
    this.#input = stdin;
    this.#codes = createInterface({ input: codes });
    // If this process is gone, so is the input of bash, and with it the whole group.
    stdin.write(`trap 'kill -KILL 0' EXIT\ntrap 'code=$?' ERR\n`);
  }

  /** @throws if it takes too long. */
  async run(script: string): Promise<Ran> {
    this.#count += 1;
    const file = path.join(this.#options.folder, `.block-${this.#count}`);
    const printed = `${file}.printed`;
    await writeFile(file, script);
    const answer = once(this.#codes, 'line') as Promise<[string]>;
    this.#input.write(`code=0; . '${file}' </dev/null >'${printed}' 2>&1 3>&-; echo "$code" >&3\n`);
    const code = await this.#inTime(answer);
    const output = await readFile(printed, 'utf8');
    if (code !== undefined) return { code: Number(code[0]), output };
    throw new Error(`It has not ended within ${this.#options.timeoutMs} ms:\n${script}\n${output}`);
  }

  /** What still runs in the background. */
  async running(): Promise<string> {
    return (await this.run('jobs -r')).output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { pid } = this.#bash;
    if (pid !== undefined && this.#bash.exitCode === null) process.kill(-pid, 'SIGKILL');
    await this.#ended;
    this.#codes.close();
  }

  async #inTime<Value>(answer: Promise<Value>): Promise<Value | undefined> {
    const late = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => late.resolve(undefined), this.#options.timeoutMs);
    const gone = this.#ended.then(() => undefined);
    try {
      return await Promise.race([answer, late.promise, gone]);
    } finally {
      clearTimeout(timer);
    }
  }
}
