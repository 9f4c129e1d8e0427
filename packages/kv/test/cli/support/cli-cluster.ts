import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { exitCodes } from '../../../src/cli/exit-codes.ts';
import { MemberCluster } from '../../member/support/member-cluster.ts';
import { type HereEnded, type HereOptions, runHere } from './in-process.ts';

/** Three members and a folder, and the command line in the same process. */
export class CliCluster implements AsyncDisposable {
  readonly cluster: MemberCluster;
  readonly folder: string;

  private constructor(cluster: MemberCluster, folder: string) {
    this.cluster = cluster;
    this.folder = folder;
  }

  static async start(): Promise<CliCluster> {
    const cluster = await MemberCluster.start(['a', 'b', 'c']);
    return new CliCluster(cluster, await mkdtemp(path.join(tmpdir(), 'quorate-cli-')));
  }

  get endpoints(): string {
    return Object.values(this.cluster.peers).join(',');
  }

  run(args: readonly string[], options: HereOptions = {}): Promise<HereEnded> {
    return runHere(['--endpoints', this.endpoints, ...args], options);
  }

  /** What it prints, when it succeeds. */
  async out(args: readonly string[], options: HereOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, options);
    if (code === exitCodes.well && stderr === '') return stdout;
    throw new Error(`quorate ${args.join(' ')} ended with ${code}: ${stderr}`);
  }

  /** The JSON that it prints, a value for each line. */
  async json(args: readonly string[], options: HereOptions = {}): Promise<unknown[]> {
    const lines = (await this.out([...args, '--json'], options)).trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line) as unknown);
  }

  /** Begins it. */
  start(args: readonly string[]): RunningHere {
    return new RunningHere((options) => this.run(args, options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}

const patienceMs = 20_000;

/** A command that goes on until ctrl-C. */
export class RunningHere {
  readonly ended: Promise<HereEnded>;
  readonly #ending = new AbortController();
  #output = '';
  #look: (() => void) | undefined;

  constructor(run: (options: HereOptions) => Promise<HereEnded>) {
    const onOutput = (output: string): void => {
      this.#output = output;
      this.#look?.();
    };
    this.ended = run({ signal: this.#ending.signal, onOutput });
  }

  get output(): string {
    return this.#output;
  }

  /** Resolves once it has printed this. */
  async printed(pattern: RegExp): Promise<void> {
    if (pattern.test(this.#output)) return;
    const found = new Promise<void>((resolve) => {
      this.#look = () => {
        if (pattern.test(this.#output)) resolve();
      };
    });
    const tooLate = AbortSignal.timeout(patienceMs);
    const ended = this.ended.then(({ stderr }) => stderr);
    const late = new Promise<string>((resolve) => {
      tooLate.addEventListener('abort', () => resolve('nothing more came'), { once: true });
    });
    const why = await Promise.race([found, ended, late]);
    if (why !== undefined) throw new Error(`In vain: ${String(pattern)}; ${why}: ${this.#output}`);
  }

  /** Plays ctrl-C. */
  interrupt(): Promise<HereEnded> {
    this.#ending.abort();
    return this.ended;
  }
}
