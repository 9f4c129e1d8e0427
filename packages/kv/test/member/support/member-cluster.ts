import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bytesOf } from '../../../src/bytes.ts';
import { encodeCommand } from '../../../src/protocol/commands.ts';
import { decodeResults } from '../../../src/protocol/results.ts';
import { KvMember, type KvMemberOptions } from '../../../src/server/member.ts';
import type { KvService, SessionNumber } from '../../../src/server/service.ts';
import type { Operation, PutResponse, Result } from '../../../src/types.ts';

/** Quick, so that a test that waits for an election does not wait for long. */
const config = { heartbeatMs: 20, electionTimeoutMs: { min: 150, max: 300 } };

/** Who waits for so long in a test waits in vain. */
const patienceMs = 10_000;
const lookMs = 10;

export function patience(): { readonly signal: AbortSignal } {
  return { signal: AbortSignal.timeout(patienceMs) };
}

/** Members of one cluster in this process, on ports and in folders of their own. */
export class MemberCluster implements AsyncDisposable {
  readonly folder: string;
  readonly peers: Readonly<Record<string, string>>;
  readonly #optionsOf: (name: string) => Partial<KvMemberOptions>;
  readonly #members = new Map<string, KvMember>();

  private constructor(
    folder: string,
    peers: Readonly<Record<string, string>>,
    optionsOf: (name: string) => Partial<KvMemberOptions>,
  ) {
    this.folder = folder;
    this.peers = peers;
    this.#optionsOf = optionsOf;
  }

  /** Starts them all and waits until all are ready. */
  static async start(
    names: readonly string[],
    options: Partial<KvMemberOptions> | ((name: string) => Partial<KvMemberOptions>) = {},
  ): Promise<MemberCluster> {
    const optionsOf = typeof options === 'function' ? options : () => options;
    const folder = await mkdtemp(path.join(tmpdir(), 'quorate-member-'));
    const first = await freePorts(names.length);
    const addresses = names.map((name, at) => [name, `127.0.0.1:${first + at}`] as const);
    const cluster = new MemberCluster(folder, Object.fromEntries(addresses), optionsOf);
    try {
      await cluster.startAll();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get members(): readonly KvMember[] {
    return [...this.#members.values()];
  }

  member(name: string): KvMember {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`Member ${name} does not run.`);
    return member;
  }

  async startAll(): Promise<void> {
    await Promise.all(Object.keys(this.peers).map((name) => this.startOne(name)));
    await Promise.all(this.members.map((member) => member.ready(patience())));
  }

  async startOne(name: string, options: Partial<KvMemberOptions> = {}): Promise<KvMember> {
    const { port, hostname: host } = new URL(`tcp://${this.peers[name] ?? '127.0.0.1:0'}`);
    const isPeer = options.join === undefined;
    const member = await KvMember.start({
      name,
      directory: path.join(this.folder, name),
      listen: { host, port: Number(port) },
      config,
      ...(isPeer ? { peers: this.peers } : {}),
      ...this.#optionsOf(name),
      ...options,
    });
    this.#members.set(name, member);
    return member;
  }

  async close(name: string): Promise<void> {
    const member = this.member(name);
    this.#members.delete(name);
    await member.close();
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#members.keys()].map((name) => this.close(name)));
  }

  /** The member that leads, and knows it. */
  async leader(): Promise<KvMember> {
    const leads = ({ raft }: KvMember): boolean => raft.metrics.role === 'leader';
    await until('a member leads', () => this.members.some(leads));
    return this.members.find(leads) ?? this.leader();
  }

  async followers(): Promise<readonly KvMember[]> {
    const leader = await this.leader();
    return this.members.filter((member) => member !== leader);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.closeAll();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Looks until it is so. What can be waited for as a state of the node is waited for there. */
export async function until(what: string, test: () => boolean): Promise<void> {
  const start = performance.now();
  while (!test()) {
    if (performance.now() - start > patienceMs) throw new Error(`In vain: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

export async function write(
  service: KvService,
  operations: readonly Operation[],
  session?: SessionNumber,
): Promise<readonly Result[]> {
  const context = session === undefined ? patience() : { ...patience(), session };
  return decodeResults(await service.write(encodeCommand(operations), context));
}

export function putOf(key: string, value: string, more: { lease?: number } = {}): Operation {
  return { type: 'put', key: bytesOf(key), value: bytesOf(value), ...more };
}

export async function put(service: KvService, key: string, value: string): Promise<PutResponse> {
  const [result] = await write(service, [putOf(key, value)]);
  if (result?.type !== 'put') throw new Error(`Not put: ${JSON.stringify(result)}`);
  return result;
}

/** As this member has it just now, or after a barrier if it is to be linearizable. */
export async function get(
  service: KvService,
  key: string,
  { linearizable = true }: { readonly linearizable?: boolean } = {},
): Promise<string | undefined> {
  if (linearizable) await service.barrier(patience());
  const [found] = (await service.range({ key: bytesOf(key) })).kvs;
  return found && Buffer.from(found.value).toString();
}

/** The first of ports in a row that are free, below those of outgoing connections. */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = 10_000 + count * Math.floor((Math.random() * 18_000) / count);
    const ports = Array.from({ length: count }, (_, at) => first + at);
    const servers = ports.map((port) => createServer().listen(port, '127.0.0.1'));
    const listening = await Promise.allSettled(servers.map((server) => once(server, 'listening')));
    await Promise.all(
      servers
        .filter(({ listening: isOpen }) => isOpen)
        .map((server) => once(server.close(), 'close')),
    );
    if (listening.every(({ status }) => status === 'fulfilled')) return first;
  }
}
