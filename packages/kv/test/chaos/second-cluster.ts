import { rm } from 'node:fs/promises';
import path from 'node:path';
import { KvClient } from '../../src/client.ts';
import type { KvStore } from '../../src/store/store.ts';
import type { KeyValue, KvStatus } from '../../src/types.ts';
import { comparePairs } from './backup-check.ts';
import { type BackupParts, type Backups, type Saved, storeOf } from './backups.ts';
import type { MemberHash } from './cluster.ts';
import type { Signals } from './lanes.ts';
import { MemberProcess } from './member-process.ts';
import type { Operation } from './plan.ts';
import { lastingPorts } from './ports.ts';
import { runQuorate } from './program.ts';
import { everything } from './watchers.ts';
import { pause } from './workers.ts';

type Restore = Extract<Operation, { readonly type: 'restore' }>;

const startWithinMs = 30_000;
const restoreMs = 20_000;
const lookMs = 50;
/** So many keys are put into it. */
const putCount = 10;

interface Told {
  readonly revision: number;
  readonly hash: string;
}

interface Member {
  readonly name: string;
  readonly port: number;
  readonly httpPort: number;
  readonly process: MemberProcess;
  /** Resolves when it has ended, with what was wrong about that. */
  failure: string | undefined;
}

/**
 * Makes a second cluster of the newest backup, beside the first: all that the backup has must be
 * there, at the revision that it names, and it must go on from there.
 */
export async function restoreBeside(
  parts: BackupParts & { readonly backups: Backups },
  operation: Restore,
  signals: Signals,
): Promise<boolean> {
  const { backups, onFound, directory } = parts;
  const { halt } = signals;
  if (backups.newest === undefined) {
    await backups.save({ type: 'backup', by: 'client', from: 'leader' }, signals);
  }
  const saved = backups.newest;
  if (saved === undefined || halt.aborted) return false;
  const folder = path.join(directory, 'restored');
  const second = new SecondCluster(parts, { operation, saved, folder });
  try {
    await second.run(halt);
    return !halt.aborted;
  } catch (error) {
    if (!halt.aborted) onFound('restore', `${saved.file}: ${describe(error)}`);
    return false;
  } finally {
    await second.close();
    if (!halt.aborted) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

class SecondCluster {
  readonly #parts: BackupParts;
  readonly #operation: Restore;
  readonly #saved: Saved;
  readonly #folder: string;
  #members: readonly Member[] = [];
  #discharge: readonly (() => void)[] = [];

  constructor(
    parts: BackupParts,
    { operation, saved, folder }: { operation: Restore; saved: Saved; folder: string },
  ) {
    this.#parts = parts;
    this.#operation = operation;
    this.#saved = saved;
    this.#folder = folder;
  }

  async run(halt: AbortSignal): Promise<void> {
    const store = await storeOf(this.#saved.file);
    const told = await this.#start(halt);
    const client = new KvClient({ servers: this.#members.map(addressOf), timeoutMs: 20_000 });
    try {
      await this.#compareHashes(told, { leases: store.leaseCount, halt });
      await this.#compareContent(client, { store, told });
      await this.#goOn(client, told);
    } finally {
      await client.close();
    }
    await Promise.all(this.#members.map(({ process }) => process.stop()));
    this.#demandAlive();
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map(({ process }) => process.kill()));
    for (const discharge of this.#discharge) discharge();
  }

  /** Makes the folders and starts the members; what the program has said of the content. */
  async #start(halt: AbortSignal): Promise<Told> {
    const { cluster, directory } = this.#parts;
    const { members: count, revisionBump } = this.#operation;
    const ports = await lastingPorts(2 * count);
    const names = ['x', 'y', 'z'].slice(0, count);
    const peers = names.map((name, at) => `${name}=127.0.0.1:${ports[2 * at]}`).join(',');
    const ended = await runQuorate(
      [
        ...['snapshot', 'restore', this.#saved.file, '--data', this.#folder, '--peers', peers],
        ...['--revision-bump', `${revisionBump}`, '--json'],
      ],
      { timeoutMs: restoreMs, signal: halt, charge: (pid) => cluster.charge(pid) },
    );
    if (ended.code !== 0) throw new Error(`exit code ${ended.code}: ${ended.stderr}`);
    const { members } = JSON.parse(ended.stdout) as { readonly members: readonly Told[] };
    const [told] = members;
    const wanted = this.#saved.revision + revisionBump;
    if (told?.revision !== wanted)
      throw new Error(`It is not of revision ${wanted}: ${ended.stdout}`);
    if (revisionBump === 0 && told.hash !== this.#saved.hash) {
      throw new Error(`It should have the hash ${this.#saved.hash}: ${ended.stdout}`);
    }
    this.#members = names.map((name, at) => {
      const [port = 0, httpPort = 0] = ports.slice(2 * at);
      const process = this.#startMember(
        { name, port, httpPort },
        path.join(directory, 'restored.log'),
      );
      return { name, port, httpPort, process, failure: undefined };
    });
    this.#discharge = this.#members.map(({ process }) => cluster.charge(process.pid));
    for (const { process } of this.#members) await cluster.noteProcess(process.pid);
    return told;
  }

  #startMember(
    { name, ...ports }: { readonly name: string; readonly port: number; readonly httpPort: number },
    log: string,
  ): MemberProcess {
    const start = { name, ...ports, comesBy: [], routes: {}, room: '', log, isRestored: true };
    const process = new MemberProcess(
      { ...start, folder: path.join(this.#folder, name) },
      (how) => {
        const member = this.#members.find((one) => one.process === process);
        if (member !== undefined) member.failure = `The process of ${name} ${how}.`;
      },
    );
    return process;
  }

  /** Once they lead and follow, they have the hash that was told, until the first lease ends. */
  async #compareHashes(
    { revision, hash }: Told,
    { leases, halt }: { readonly leases: number; readonly halt: AbortSignal },
  ): Promise<void> {
    const until = performance.now() + startWithinMs;
    const seen = new Map<string, Hashed>();
    while (seen.size < this.#members.length) {
      halt.throwIfAborted();
      this.#demandAlive();
      if (performance.now() > until) throw new Error('Its members were not ready in time.');
      for (const member of this.#members) {
        const found = seen.has(member.name) ? undefined : await hashOf(member);
        if (found === undefined) continue;
        seen.set(member.name, found);
        const isSame = found.revision === revision && found.leases === leases;
        if (isSame && found.hash !== hash) {
          throw new Error(`${member.name} has the hash ${found.hash}, and ${hash} was restored.`);
        }
        if (isSame) this.#parts.journal.mark('restored hashes compared');
        if (found.revision < revision) {
          throw new Error(`${member.name} is at ${found.revision}, and ${revision} was restored.`);
        }
      }
      await pause(lookMs, halt);
    }
  }

  /** All of it, as it was; what has a lease may go since. */
  async #compareContent(
    client: KvClient,
    { store, told }: { readonly store: KvStore; readonly told: Told },
  ): Promise<void> {
    const { revision } = told;
    const wanted = store.range(everything).kvs;
    const then = await client.read({ ...everything, revision });
    demandNone(comparePairs(wanted, then.kvs), `At revision ${revision}`);
    const now = await client.read(everything);
    const stays = ({ lease }: KeyValue): boolean => lease === 0;
    demandNone(comparePairs(wanted.filter(stays), now.kvs.filter(stays)), 'After the start');
    if (this.#operation.revisionBump > 0) return;
    const back = Math.max(store.compactedRevision + 1, Math.floor(revision / 2), 2);
    if (back > revision) return;
    const past = await client.read({ ...everything, revision: back });
    const old = store.range({ ...everything, revision: back }).kvs;
    demandNone(comparePairs(old, past.kvs), `At revision ${back}`);
  }

  async #goOn(client: KvClient, { revision }: Told): Promise<void> {
    for (let count = 0; count < putCount; count += 1) {
      const key = `restored-${count}`;
      const put = await client.put(key, `${count}`);
      if (put.revision <= revision) throw new Error(`A put was made at ${put.revision} again.`);
      const found = (await client.get(key))?.text();
      if (found !== `${count}`) throw new Error(`${key} is ${found} after it was put.`);
    }
  }

  #demandAlive(): void {
    for (const { failure } of this.#members) if (failure !== undefined) throw new Error(failure);
  }
}

function addressOf({ port }: Member): string {
  return `127.0.0.1:${port}`;
}

/** Nobody grants a lease there, so that as many were there before. */
interface Hashed extends MemberHash {
  readonly leases: number;
}

async function hashOf({ httpPort }: Member): Promise<Hashed | undefined> {
  const base = `http://127.0.0.1:${httpPort}`;
  try {
    if (!(await fetch(`${base}/readyz`)).ok) return undefined;
    const found = (await (await fetch(`${base}/v1/hash`)).json()) as MemberHash;
    const { leases } = (await (await fetch(`${base}/v1/status`)).json()) as KvStatus;
    return { ...found, leases };
  } catch {
    return undefined;
  }
}

/** @throws {Error} that names them, if there are any. */
function demandNone(faults: readonly string[], where: string): void {
  if (faults.length > 0) throw new Error(`${where}: ${faults.join(' ')}`);
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
