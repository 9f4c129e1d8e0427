import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { demoHost, type Place } from './places.ts';

export interface DemoMemberOptions {
  readonly place: Place;
  /** All of them, this one too. */
  readonly places: readonly Place[];
  readonly folder: string;
  readonly onExit: (member: DemoMember, how: string) => void;
}

/** `.ts` in the sources, `.js` in what is built of them. */
const program = fileURLToPath(
  new URL(`../../main${path.extname(import.meta.url)}`, import.meta.url),
);
/** Loaded into each member: it ends with the demo, also when that was killed and cannot say so. */
const lifeline = `data:text/javascript,${encodeURIComponent(
  "process.once('disconnect', () => process.kill(process.pid, 'SIGTERM')); process.channel?.unref();",
)}`;
/** What would be loaded into the members too, and belongs to whoever started the demo. */
const ownFlags = /^--(import|require|inspect)/;
const stopTimeoutMs = 3000;

/** One member of the demo: a process that can be killed and started again. */
export class DemoMember {
  readonly place: Place;
  readonly logFile: string;
  readonly #options: DemoMemberOptions;
  #child: ChildProcess | undefined;

  constructor(options: DemoMemberOptions) {
    this.#options = options;
    this.place = options.place;
    this.logFile = path.join(options.folder, `${options.place.name}.log`);
  }

  get name(): string {
    return this.place.name;
  }

  get address(): string {
    return `${demoHost}:${this.place.port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  start(): void {
    if (this.#child !== undefined) return;
    const log = openSync(this.logFile, 'a');
    try {
      const flags = process.execArgv.filter((flag) => !ownFlags.test(flag));
      const child = spawn(process.execPath, [...flags, ...this.#arguments()], {
        // Out of the group that ctrl-C of a terminal is sent to: the demo ends its members.
        detached: true,
        stdio: ['ignore', log, log, 'ipc'],
      });
      this.#child = child;
      child.once('error', (error) => this.#gone(child, error.message));
      child.once('exit', (code, signal) =>
        this.#gone(child, signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
      );
    } finally {
      closeSync(log);
    }
  }

  /** As a power cut would do to the process. */
  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  /** Resolves when it has ended; it is killed if that takes longer than it may. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const killing = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs + 500);
    try {
      await ended;
    } finally {
      clearTimeout(killing);
    }
  }

  /** What it has written last, for who asks why it has ended. */
  lastWords(): string {
    const lines = readFileSync(this.logFile, 'utf8').trimEnd().split('\n');
    return lines.at(-1) ?? '';
  }

  #gone(child: ChildProcess, how: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#options.onExit(this, how);
  }

  #arguments(): readonly string[] {
    const { place, places, folder } = this.#options;
    const peers = places.map(({ name, port }) => `${name}=${demoHost}:${port}`);
    return [
      ...[`--import=${lifeline}`, program, 'serve'],
      ...['--name', place.name, '--data', path.join(folder, place.name)],
      ...['--listen', this.address, '--http', `${demoHost}:${place.httpPort}`],
      ...['--peers', peers.join(','), '--stop-timeout', `${stopTimeoutMs}ms`],
    ];
  }
}
