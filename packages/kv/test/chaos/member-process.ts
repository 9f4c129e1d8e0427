import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { breakageIn } from './breakages.ts';

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];
/** What Node is given to run `quorate`. */
export const programWords: readonly string[] = [...flags, program];

/** What a member's process loads before its program. */
function preloads(): readonly string[] {
  const isBroken = breakageIn(process.env) !== undefined;
  const broken = isBroken ? ['broken-member.ts'] : [];
  const files = ['dialing-preload.ts', 'disk-preload.ts', ...broken];
  return files.map((file) => `--import=${new URL(file, import.meta.url).href}`);
}

/** How a member is started. */
export interface MemberStart {
  readonly name: string;
  readonly folder: string;
  readonly port: number;
  readonly httpPort: number;
  /** How it comes to its cluster, as options of the program. */
  readonly comesBy: readonly string[];
  /** Port of another member to the port by which this one reaches it. */
  readonly routes: Readonly<Record<string, number>>;
  /** The file that says how much room is on its disk; if there is none, the disk does. */
  readonly room: string;
  /** It belongs to a cluster that was made of a backup. */
  readonly isRestored?: boolean;
  /** It runs on a small disk of its own; what it is started with, to see that. */
  readonly within?: readonly string[] | undefined;
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
    const node = [process.execPath, ...flags, ...preloads(), program];
    const [command = '', ...rest] = [
      ...[...(start.within ?? []), ...node],
      ...['serve', ...optionsOf(start)],
    ];
    this.#child = spawn(command, rest, {
      stdio: ['ignore', words, words],
      env: { ...process.env, ...environmentOf(start) },
    });
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

function environmentOf({ routes, room, isRestored = false }: MemberStart): NodeJS.ProcessEnv {
  return {
    QUORATE_CHAOS_ROUTES: JSON.stringify(routes),
    QUORATE_CHAOS_ROOM: room,
    QUORATE_CHAOS_RESTORED: isRestored ? '1' : '0',
  };
}

/** On a small disk: with less room than this, it is low. */
const smallDisk = { 'disk.segmentBytes': '1MiB', 'disk.lowBytes': '24MiB' };

function optionsOf({
  name,
  folder,
  port,
  httpPort,
  comesBy,
  within,
}: MemberStart): readonly string[] {
  return [
    ...['--name', name, '--data', folder, ...comesBy],
    ...['--listen', `127.0.0.1:${port}`, '--http', `127.0.0.1:${httpPort}`],
    ...['--stop-timeout', '4s', '--log-level', 'debug'],
    ...Object.entries({ ...settings, ...(within === undefined ? {} : smallDisk) }).flatMap(
      ([option, value]) => ['--set', `${option}=${value}`],
    ),
  ];
}
