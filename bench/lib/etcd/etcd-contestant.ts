import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Contestant, Kill } from '../contestant.ts';
import { freePorts } from '../free-ports.ts';
import { EtcdMember } from './etcd-member.ts';
import {
  type EtcdStatus,
  paths,
  putRequest,
  rangeRequest,
  readRangeResponse,
  readStatusResponse,
} from './etcd-messages.ts';
import { etcdVersion } from './etcd-program.ts';
import { GrpcConnection } from './grpc-connection.ts';

const host = '127.0.0.1';
const readyTimeoutMs = 60_000;
const lookMs = 20;
const statusTimeoutMs = 1000;
const nothing = Buffer.alloc(0);

/** A member as a client sees it: a few connections, which calls take in turn. */
interface Seen {
  readonly member: EtcdMember;
  connections: GrpcConnection[];
}

/** Three members of etcd, as they come. */
export class EtcdContestant implements Contestant {
  readonly name = 'etcd';
  readonly #program: string;
  readonly #connectionCount: number;
  #version = '';
  #seen: Seen[] = [];
  #killed: Seen | undefined;
  #at = 0;
  #nextConnection = 0;

  /** @param connectionCount to each member. */
  constructor(program: string, connectionCount = 1) {
    this.#program = program;
    this.#connectionCount = connectionCount;
  }

  get version(): string {
    return this.#version;
  }

  async start(folder: string): Promise<void> {
    this.#version = await etcdVersion(this.#program);
    await mkdir(path.join(folder, 'etcd'), { recursive: true });
    const names = ['m1', 'm2', 'm3'];
    const ports = await freePorts(2 * names.length);
    const portOf = (at: number): number => ports[at] ?? 0;
    const cluster = names
      .map((name, at) => `${name}=http://${host}:${portOf(at + names.length)}`)
      .join(',');
    const members = names.map((name, at) =>
      EtcdMember.start({
        program: this.#program,
        name,
        dataFolder: path.join(folder, 'etcd', name),
        logFile: path.join(folder, 'etcd', `${name}.log`),
        clientPort: portOf(at),
        peerPort: portOf(at + names.length),
        cluster,
      }),
    );
    this.#seen = (await Promise.all(members)).map((member) => ({ member, connections: [] }));
    for (const seen of this.#seen) await this.#untilReady(seen);
    await this.#goToLeader();
  }

  async put(key: string, value: Uint8Array, timeoutMs?: number): Promise<void> {
    const at = this.#at;
    try {
      await this.#connection().call(paths.put, putRequest(key, value), timeoutMs);
    } catch (error) {
      // The next one to be asked; whoever fails at the same time moves on once.
      if (this.#at === at) this.#at += 1;
      throw error;
    }
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return readRangeResponse(await this.#connection().call(paths.range, rangeRequest(key)));
  }

  async killLeader(): Promise<Kill> {
    const leader = await this.#leader();
    this.#killed = leader;
    const killedAt = performance.now();
    await leader.member.kill();
    const goneAt = performance.now();
    this.#seen = this.#seen.filter((seen) => seen !== leader);
    return { killedAt, goneAt };
  }

  async revive(): Promise<void> {
    if (this.#killed === undefined) return;
    const seen = { member: await EtcdMember.start(this.#killed.member.start), connections: [] };
    this.#killed = undefined;
    this.#seen = [...this.#seen, seen];
    await this.#untilReady(seen);
    await this.#goToLeader();
  }

  async close(): Promise<void> {
    for (const { member, connections } of this.#seen) {
      for (const connection of connections) connection.close();
      await member.kill();
    }
    this.#seen = [];
  }

  /** Resolves once it answers and knows a leader. */
  async #untilReady(seen: Seen): Promise<void> {
    const { member } = seen;
    const giveUpAt = performance.now() + readyTimeoutMs;
    const count = this.#connectionCount;
    for (;;) {
      if (member.hasEnded) throw new Error(`etcd ended; see ${member.start.logFile}.`);
      try {
        const port = member.start.clientPort;
        while (seen.connections.length < count) {
          seen.connections.push(await GrpcConnection.open(host, port));
        }
        if ((await statusOf(seen)).leader !== 0n) return;
      } catch (error) {
        if (performance.now() > giveUpAt) throw error;
        seen.connections = seen.connections.filter(({ hasEnded }) => !hasEnded);
      }
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
  }

  /** Where the leader's clients go. */
  async leaderPort(): Promise<number> {
    return (await this.#leader()).member.start.clientPort;
  }

  /** The leader's process. */
  async leaderPid(): Promise<number> {
    return (await this.#leader()).member.pid;
  }

  async #leader(): Promise<Seen> {
    for (const seen of this.#seen) {
      const { member, leader } = await statusOf(seen);
      if (member === leader) return seen;
    }
    throw new Error('None of the members of etcd leads.');
  }

  async #goToLeader(): Promise<void> {
    this.#at = this.#seen.indexOf(await this.#leader());
  }

  #connection(): GrpcConnection {
    const seen = this.#seen[this.#at % this.#seen.length];
    this.#nextConnection += 1;
    const connection = seen?.connections[this.#nextConnection % seen.connections.length];
    if (connection === undefined) throw new Error('There is no member to be asked.');
    return connection;
  }
}

async function statusOf({ connections: [connection] }: Seen): Promise<EtcdStatus> {
  if (connection === undefined) throw new Error('There is no connection to be asked over.');
  return readStatusResponse(await connection.call(paths.status, nothing, statusTimeoutMs));
}
