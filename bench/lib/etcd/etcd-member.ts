import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { trackChild } from '../living-children.ts';
import { inPath } from './etcd-program.ts';

export interface MemberStart {
  readonly program: string;
  readonly name: string;
  readonly dataFolder: string;
  readonly logFile: string;
  readonly clientPort: number;
  readonly peerPort: number;
  /** `name=url` of every member. */
  readonly cluster: string;
}

/** One etcd in a process of its own: nothing is set but its name, and where all of them are. */
export class EtcdMember {
  readonly start: MemberStart;
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;

  static async start(start: MemberStart): Promise<EtcdMember> {
    const { program, name, dataFolder, clientPort, peerPort, cluster } = start;
    const client = `http://127.0.0.1:${clientPort}`;
    const peer = `http://127.0.0.1:${peerPort}`;
    const options = [
      ...['--name', name, '--data-dir', dataFolder],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', cluster, '--initial-cluster-state', 'new'],
    ];
    // The kernel ends it when this process is gone, however that ends.
    const guard = await inPath('setpriv');
    const before = guard === undefined ? [] : [guard, '--pdeathsig', 'KILL'];
    const [file = program, ...args] = [...before, program, ...options];
    const words = openSync(start.logFile, 'a');
    const env = Object.entries(process.env).filter(([key]) => !key.startsWith('ETCD_'));
    const child = spawn(file, args, {
      stdio: ['ignore', words, words],
      env: Object.fromEntries(env),
    });
    closeSync(words);
    return new EtcdMember(start, child);
  }

  private constructor(start: MemberStart, child: ChildProcess) {
    this.start = start;
    this.#child = child;
    this.#gone = once(child, 'exit').catch(() => undefined);
    trackChild(child);
  }

  /** The guard becomes the program, so this is etcd's own. */
  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${this.start.name} could not be started.`);
    return pid;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Ends it as `kill -9` does; resolves once it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    if (!this.hasEnded) await this.#gone;
  }
}
