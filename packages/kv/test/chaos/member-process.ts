import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { breakageIn } from './breakages.ts';

const program = fileURLToPath(new URL('../../src/server/main.ts', import.meta.url));
const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];

/** What a member's process loads before its program. */
function preloads(): readonly string[] {
  const isBroken = breakageIn(process.env) !== undefined;
  const files = ['dialing-preload.ts', ...(isBroken ? ['broken-member.ts'] : [])];
  return files.map((file) => `--import=${new URL(file, import.meta.url).href}`);
}

/** How a member is started. */
export interface MemberStart {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
  readonly httpPort: number;
  /** Name to `host:port`, of all. */
  readonly peers: Readonly<Record<string, string>>;
  /** Port of another member to the port by which this one reaches it. */
  readonly routes: Readonly<Record<string, number>>;
  /** The file that its words are appended to. */
  readonly log: string;
}

/** It ended, and nobody had asked for that, or not in the way in which it should. */
type OnDeath = (how: string) => void;

/** `quorate serve` in a process of its own. Whoever makes one kills it. */
export class MemberProcess {
  readonly #child: ChildProcess;
  /** Resolves once there is nothing left of it. */
  readonly gone: Promise<unknown>;
  #isPaused = false;
  #isKilled = false;
  #isStopping = false;

  constructor(start: MemberStart, onDeath: OnDeath) {
    const words = openSync(start.log, 'a');
    this.#child = spawn(
      process.execPath,
      [...flags, ...preloads(), program, 'serve', ...optionsOf(start)],
      {
        stdio: ['ignore', words, words],
        env: { ...process.env, QUORATE_CHAOS_ROUTES: JSON.stringify(start.routes) },
      },
    );
    closeSync(words);
    this.gone = once(this.#child, 'exit').catch(() => undefined);
    this.#child.once('error', (error) => onDeath(`did not start: ${error.message}`));
    this.#child.once('exit', (code, signal) => {
      if (this.#isKilled) return;
      // One that is asked before it listens for signals ends by them.
      if (this.#isStopping && (code === 0 || signal === 'SIGTERM')) return;
      const asked = this.#isStopping ? ', asked to stop by SIGTERM' : '';
      onDeath(`ended with ${signal ?? `exit code ${code}`}${asked}`);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isAlive(): boolean {
    return !this.#isKilled && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** It was asked to end. */
  get isStopping(): boolean {
    return this.#isStopping;
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

  /** Asks it to end, and waits until it is gone. */
  async stop(): Promise<void> {
    if (this.isAlive) this.#isStopping = this.#child.kill('SIGTERM');
    await this.gone;
  }

  /** Ends it in the middle of whatever it does; resolves once it is gone. */
  async kill(): Promise<void> {
    const isThere = this.isAlive && this.#child.pid !== undefined;
    this.#isKilled = true;
    if (isThere) this.#child.kill('SIGKILL');
    if (this.#child.pid !== undefined) await this.gone;
  }
}

/** Small, so that all that happens seldom elsewhere happens often here. */
const settings = {
  'raft.snapshotAfterEntries': '400',
  'raft.snapshotAfterBytes': '64KiB',
  'raft.keepBytes': '16KiB',
  'raft.tailCacheBytes': '32KiB',
  hashCheckMs: '1s',
};

function optionsOf({ name, folder, port, httpPort, peers }: MemberStart): readonly string[] {
  const list = Object.entries(peers).map(([peer, address]) => `${peer}=${address}`);
  return [
    ...['--name', name, '--data', folder, '--peers', list.join(',')],
    ...['--listen', `127.0.0.1:${port}`, '--http', `127.0.0.1:${httpPort}`],
    ...['--stop-timeout', '4s', '--log-level', 'debug'],
    ...Object.entries(settings).flatMap(([option, value]) => ['--set', `${option}=${value}`]),
  ];
}
