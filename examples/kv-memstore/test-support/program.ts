import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';

/** A program of this folder in a process of its own. Whoever starts one disposes of it. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #stdout = '';
  #stderr = '';

  constructor(file: string, args: readonly string[]) {
    const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
    this.#child = spawn(process.execPath, ['--conditions=quorate-source', path, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#closed = new Promise((resolve) => this.#child.once('close', () => resolve()));
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /** Resolves with what `pattern` captures in the newest place where the output matches it. */
  async printed(pattern: RegExp): Promise<string> {
    const all = new RegExp(pattern, 'g');
    const match = await eventually(
      `output like ${pattern}`,
      () => [...this.#stdout.matchAll(all)].at(-1)?.[1],
      (captured) => captured !== undefined || this.hasEnded,
    );
    if (match === undefined) throw new Error(`It ended: ${this.#stdout}${this.#stderr}`);
    return match;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves once the process is gone and all it printed was read. */
  async ended(): Promise<void> {
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }
}

/** `false` also for a process that ended and that nobody has collected yet. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !readFileSync(stat, 'latin1').includes(') Z ');
}
