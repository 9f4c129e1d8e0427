import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Etcd3 } from 'etcd3';
import { EtcdMember } from '../../../../bench/lib/etcd/etcd-member.ts';
import { findEtcd, NoEtcdError } from '../../../../bench/lib/etcd/etcd-program.ts';
import { freePorts } from '../../../../bench/lib/free-ports.ts';

const host = '127.0.0.1';
const readyTimeoutMs = 30_000;
const lookMs = 50;

/** The path of etcd's program, or why there is none. */
export async function findProgram(): Promise<{ program: string } | { missing: string }> {
  try {
    return { program: await findEtcd({ mayInstall: true }) };
  } catch (error) {
    if (error instanceof NoEtcdError) return { missing: error.message };
    throw error;
  }
}

/** One member of etcd with a client. Nothing of it outlives the test. */
export class EtcdServer implements AsyncDisposable {
  readonly client: Etcd3;
  readonly #member: EtcdMember;
  readonly #folder: string;

  /** Resolves once it takes requests. */
  static async start(program: string): Promise<EtcdServer> {
    const folder = await mkdtemp(path.join(tmpdir(), 'quorate-parity-'));
    const [clientPort = 0, peerPort = 0] = await freePorts(2);
    const member = await EtcdMember.start({
      program,
      name: 'one',
      dataFolder: path.join(folder, 'data'),
      logFile: path.join(folder, 'log'),
      clientPort,
      peerPort,
      cluster: `one=http://${host}:${peerPort}`,
    });
    const server = new EtcdServer(member, folder);
    try {
      await server.#untilReady();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(member: EtcdMember, folder: string) {
    this.client = new Etcd3({ hosts: `http://${host}:${member.start.clientPort}` });
    this.#member = member;
    this.#folder = folder;
  }

  /** Where clients reach it. */
  get url(): string {
    return `http://${host}:${this.#member.start.clientPort}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.#member.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #untilReady(): Promise<void> {
    const giveUpAt = performance.now() + readyTimeoutMs;
    for (;;) {
      try {
        await this.client.kv.range({ key: Buffer.of(0) }, { deadline: Date.now() + 1000 });
        return;
      } catch (error) {
        if (this.#member.hasEnded || performance.now() > giveUpAt) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
  }
}
