import type { ReadStream } from 'node:tty';

import type { CliContext } from '../context.ts';

/** A screen of its own, without a cursor, on which long lines are cut. */
const enter = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const leave = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const home = '\u001b[H';
const clearLine = '\u001b[K';
const clearBelow = '\u001b[J';
const ctrlC = '\u0003';

/** A picture that stays in its place on a terminal, and keys that are pressed. */
export class LiveScreen {
  readonly #context: CliContext;
  #onData: ((chunk: Buffer | string) => void) | undefined;
  #isOpen = false;
  readonly #onExit = (): void => this.close();

  constructor(context: CliContext) {
    this.#context = context;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Ctrl-C is a key like others while keys are read, so it is turned into its signal. */
  open(onKey: (key: string) => void): void {
    const { stdin, stdout, isInputTerminal } = this.#context;
    this.#isOpen = true;
    stdout.write(enter);
    // Whatever ends the process, the terminal is left as it was.
    process.once('exit', this.#onExit);
    if (!isInputTerminal) return;
    (stdin as ReadStream).setRawMode(true);
    this.#onData = (chunk) => {
      for (const key of chunk.toString()) {
        if (key === ctrlC) process.kill(process.pid, 'SIGINT');
        else onKey(key);
      }
    };
    stdin.on('data', this.#onData);
    stdin.resume();
  }

  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const text = lines.map((line) => `${line}${clearLine}`).join('\r\n');
    this.#context.stdout.write(`${home}${text}${clearBelow}`);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { stdin, stdout, isInputTerminal } = this.#context;
    process.removeListener('exit', this.#onExit);
    if (this.#onData !== undefined) stdin.removeListener('data', this.#onData);
    if (isInputTerminal) (stdin as ReadStream).setRawMode(false);
    stdin.pause();
    stdout.write(leave);
  }
}
