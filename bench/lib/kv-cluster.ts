import path from 'node:path';
import { ChildProgram } from './child-program.ts';
import { freePorts } from './free-ports.ts';
import type { KvMemberPicture, KvMemberStart } from './kv-member.ts';

const readyTimeoutMs = 60_000;
const lookMs = 20;

export interface KvClusterStart {
  readonly folder: string;
  readonly count?: number;
  readonly hasHttp?: boolean;
  readonly snapshotsOnDemand?: boolean;
  readonly countsBuffersApart?: boolean;
}

/** A member of the key-value server in a process of its own. */
export class KvProcess {
  readonly name: string;
  readonly program: ChildProgram;

  constructor(name: string, program: ChildProgram) {
    this.name = name;
    this.program = program;
  }

  async picture(): Promise<KvMemberPicture> {
    return (await this.program.ask('picture')) as KvMemberPicture;
  }

  async takeSnapshot(): Promise<void> {
    await this.program.ask('snapshot', {}, 600_000);
  }

  async awaitApplied(index: number): Promise<void> {
    await this.program.ask('awaitApplied', { index }, 600_000);
  }
}

/** Members of the key-value server, each with its log on the disk. */
export class KvCluster implements AsyncDisposable {
  readonly #start: KvClusterStart;
  readonly #peers: Readonly<Record<string, string>>;
  readonly #members = new Map<string, KvProcess>();

  /** Resolves once all of them are ready. */
  static async start(start: KvClusterStart): Promise<KvCluster> {
    const ports = await freePorts(start.count ?? 3);
    const peers = ports.map((port, at) => [`member-${at + 1}`, `127.0.0.1:${port}`] as const);
    const cluster = new KvCluster(start, Object.fromEntries(peers));
    try {
      await Promise.all(peers.map(([name]) => cluster.startMember(name)));
      await Promise.all(cluster.members.map((member) => cluster.untilReady(member)));
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  private constructor(start: KvClusterStart, peers: Readonly<Record<string, string>>) {
    this.#start = start;
    this.#peers = peers;
  }

  /** Where clients reach them, whether they run or not. */
  get servers(): readonly string[] {
    return Object.values(this.#peers);
  }

  get members(): readonly KvProcess[] {
    return [...this.#members.values()];
  }

  /** Starts a member, or one that was ended, on what it has on the disk and where it was. */
  async startMember(name: string): Promise<KvProcess> {
    const { folder, hasHttp, snapshotsOnDemand, countsBuffersApart } = this.#start;
    const argument: KvMemberStart = {
      name,
      directory: path.join(folder, name),
      port: Number(this.#peers[name]?.split(':').at(-1)),
      peers: this.#peers,
      ...(hasHttp === true ? { httpPort: 0 } : {}),
      ...(snapshotsOnDemand === undefined ? {} : { snapshotsOnDemand }),
      ...(countsBuffersApart === undefined ? {} : { countsBuffersApart }),
    };
    const member = new KvProcess(name, await ChildProgram.start('kv-member.ts', argument));
    this.#members.set(name, member);
    return member;
  }

  async untilReady(member: KvProcess): Promise<void> {
    try {
      await until(`${member.name} is ready`, async () => {
        const picture = await member.picture();
        return picture.isReady ? undefined : JSON.stringify(picture);
      });
    } catch (error) {
      // Often it is another one that it waits for.
      const all = await Promise.allSettled(this.members.map((one) => one.picture()));
      throw new Error(`${String(error)} All of them: ${JSON.stringify(all)}`, { cause: error });
    }
  }

  /** Waits for an election, if there is one. */
  async leader(): Promise<KvProcess> {
    let found: KvProcess | undefined;
    await until('one of the members leads', async () => {
      const pictures = await Promise.all(this.members.map((member) => member.picture()));
      const newest = Math.max(...pictures.map(({ term }) => term));
      const at = pictures.findIndex(({ role, term }) => role === 'leader' && term === newest);
      found = this.members[at];
      return found === undefined ? JSON.stringify(pictures) : undefined;
    });
    return found as KvProcess;
  }

  /** Ends a member in the middle of whatever it does. */
  async kill(name: string): Promise<void> {
    const member = this.#members.get(name);
    this.#members.delete(name);
    await member?.program.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map(({ program }) => program.kill()));
    this.#members.clear();
  }
}

/** `test` says how things are as long as that is not what is waited for. */
async function until(what: string, test: () => Promise<string | undefined>): Promise<void> {
  const giveUpAt = performance.now() + readyTimeoutMs;
  for (;;) {
    const found = await test();
    if (found === undefined) return;
    if (performance.now() > giveUpAt) throw new Error(`Waited in vain until ${what}: ${found}`);
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}
