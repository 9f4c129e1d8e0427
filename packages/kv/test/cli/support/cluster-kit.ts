import { mkdirSync } from 'node:fs';
import path from 'node:path';

import { MemberCluster } from '../../member/support/member-cluster.ts';
import { type CliEnded, type CliOptions, type RunningCli, runCli, startCli } from './run-cli.ts';

const lookMs = 20;
const patienceMs = 20_000;

/** A cluster in this process, and the program that is used on it. */
export class CliCluster implements AsyncDisposable {
  readonly members: MemberCluster;
  readonly #serving: RunningCli[] = [];

  private constructor(members: MemberCluster) {
    this.members = members;
  }

  static async start(names: readonly string[] = ['a', 'b', 'c']): Promise<CliCluster> {
    return new CliCluster(await MemberCluster.start(names));
  }

  get endpoints(): string {
    return Object.values(this.members.peers).join(',');
  }

  /** Runs a command on this cluster. */
  run(args: readonly string[], options: CliOptions = {}): Promise<CliEnded> {
    return runCli(args, { ...options, env: { QUORATE_ENDPOINTS: this.endpoints, ...options.env } });
  }

  begin(args: readonly string[]): RunningCli {
    const running = startCli(args, { env: { QUORATE_ENDPOINTS: this.endpoints }, input: '' });
    this.#serving.push(running);
    return running;
  }

  /** Runs the line by which somebody was told to start a member. */
  serve(line: string): RunningCli {
    const words = line.trim().split(' ');
    const folder = path.join(
      this.members.folder,
      'served',
      words[words.indexOf('--name') + 1] ?? '',
    );
    // As on the root of a new disk.
    mkdirSync(path.join(folder, 'lost+found'), { recursive: true });
    const args = words.slice(1).map((word) => (word === 'DIR' ? folder : word));
    const quick = ['heartbeatMs=20', 'electionTimeoutMs.min=150', 'electionTimeoutMs.max=300'];
    const set = quick.flatMap((one) => ['--set', `raft.${one}`]);
    return this.begin([...args, '--http', 'off', ...set]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#serving) await one[Symbol.asyncDispose]();
    await this.members[Symbol.asyncDispose]();
  }
}

/** Looks until there is something. */
export async function found<Value>(
  what: string,
  look: () => Value | undefined | Promise<Value | undefined>,
): Promise<Value> {
  const startedAt = performance.now();
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (performance.now() - startedAt > patienceMs) throw new Error(`In vain: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

/** The first match in what a program has printed. */
export function printed(running: RunningCli, pattern: RegExp): Promise<RegExpExecArray> {
  return found(
    `${pattern} in ${running.output()}`,
    () => pattern.exec(running.output()) ?? undefined,
  );
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
