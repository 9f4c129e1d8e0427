import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBackup } from '../../src/backup/decode.ts';
import { reading, writeBackupFile } from '../../src/backup/files.ts';
import { namesIn, removeLeftovers } from '../../src/backup/partial.ts';
import { verifyBackup } from '../../src/backup/verify.ts';
import type { KvClient } from '../../src/client.ts';
import { KvStore } from '../../src/store/store.ts';
import { type Change, changesTold } from '../checks/watches.ts';
import { checkSaved } from './backup-check.ts';
import type { KvChaosCluster } from './cluster.ts';
import type { Journal } from './journal.ts';
import type { Signals } from './lanes.ts';
import type { Operation } from './plan.ts';
import { runQuorate } from './program.ts';
import { seatOf } from './restarts.ts';
import type { WholeWatch } from './watchers.ts';
import { pause } from './workers.ts';

type Backup = Extract<Operation, { readonly type: 'backup' }>;

/** A backup that was verified. */
export interface Saved {
  readonly file: string;
  readonly revision: number;
  readonly hash: string;
}

export interface BackupParts {
  readonly cluster: KvChaosCluster;
  readonly journal: Journal;
  readonly client: KvClient;
  readonly watch: WholeWatch;
  readonly directory: string;
  readonly onFound: (code: string, text: string) => void;
  readonly note: (text: string) => void;
}

const tryMs = 10_000;
/** While other faults go on, so long. */
const mostMs = 40_000;
const pauseMs = 1000;
/** What was saved is compared with what was told until then; if that comes later, at the end. */
const toldWithinMs = 5000;

/** Saves the whole store in files while everything else goes on, and compares what they have. */
export class Backups {
  readonly #parts: BackupParts;
  readonly #folder: string;
  /** Not yet compared with what happened. */
  readonly #open = new Set<Saved>();
  #newest: Saved | undefined;
  #count = 0;

  constructor(parts: BackupParts) {
    this.#parts = parts;
    this.#folder = path.join(parts.directory, 'backups');
  }

  get newest(): Saved | undefined {
    return this.#newest;
  }

  /** Saves one, tried again as long as it may be hindered. Resolves once it was verified. */
  async save(operation: Backup, { halt }: Signals): Promise<boolean> {
    const { journal, onFound, note } = this.#parts;
    await mkdir(this.#folder, { recursive: true });
    const until = performance.now() + mostMs;
    while (!halt.aborted && performance.now() < until) {
      this.#count += 1;
      const file = path.join(this.#folder, `${this.#count}.qkvb`);
      const known = journal.heard;
      const failure = await this.#saveTo(file, operation, halt);
      if (failure === undefined) {
        const saved = await this.#verified(file);
        if (saved === undefined) return false;
        const { revision } = saved;
        if (revision < known) {
          onFound('stale-backup', `${file} is of revision ${revision}; ${known} was known before.`);
        }
        await this.#take(saved);
        return true;
      }
      if (halt.aborted) return false;
      note(`the backup ${file} failed, and is tried again: ${failure}`);
      for (const left of await namesIn(path.dirname(file))) {
        if (!left.startsWith(path.basename(file))) continue;
        onFound('half-backup', `${left} is there, and it failed: ${failure}`);
      }
      await pause(pauseMs, halt);
    }
    return false;
  }

  /** Compares those that were not compared yet. */
  async finish(): Promise<void> {
    for (const saved of [...this.#open]) await this.#compare(saved, { isEnd: true });
  }

  /** Why it could not be saved, if so. */
  async #saveTo(
    file: string,
    { by, from }: Backup,
    halt: AbortSignal,
  ): Promise<string | undefined> {
    const signal = AbortSignal.any([halt, AbortSignal.timeout(tryMs)]);
    try {
      switch (by) {
        case 'cli':
          return await this.#saveByProgram(file, from, halt);
        case 'http':
          return await this.#saveByHttp(file, from, signal);
        case 'client':
          await writeBackupFile(file, this.#parts.client.snapshot({ signal }), { signal });
          return undefined;
      }
    } catch (error) {
      return String(error);
    }
  }

  async #saveByProgram(
    file: string,
    from: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { cluster, onFound } = this.#parts;
    const endpoint = cluster.seats.addressOf(seatOf(cluster, from));
    const { code, stdout, stderr } = await runQuorate(
      ['snapshot', 'save', file, '--endpoints', endpoint, '--json'],
      { timeoutMs: tryMs, signal, charge: (pid) => cluster.charge(pid) },
    );
    if (code === 0) {
      const { revision, hash } = JSON.parse(stdout) as Saved;
      const found = await verifyBackup(reading(file), { name: file });
      if (found.head.revision === revision && found.head.hash === hash) return undefined;
      onFound('backups', `${file} is not what was said of it: ${stdout}`);
    }
    // One that was killed leaves what it had begun, under another name.
    if (code === undefined) {
      await removeLeftovers(path.dirname(file), (name) => name === path.basename(file));
    }
    if (code === 1 || code === 2) onFound('program-failed', `snapshot save: ${code}: ${stderr}`);
    return `exit code ${code}: ${stderr.trim()}`;
  }

  async #saveByHttp(file: string, from: string, signal: AbortSignal): Promise<string | undefined> {
    const { cluster } = this.#parts;
    const response = await fetch(`${cluster.httpOf(seatOf(cluster, from))}/v1/snapshot`, {
      signal,
    });
    if (!response.ok || response.body === null)
      return `${response.status} ${await response.text()}`;
    try {
      const body = Readable.fromWeb(response.body);
      await pipeline(body, createWriteStream(file), { signal });
      return undefined;
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
  }

  async #verified(file: string): Promise<Saved | undefined> {
    try {
      const { head } = await verifyBackup(reading(file), { name: file, rebuild: true });
      return { file, revision: head.revision, hash: head.hash };
    } catch (error) {
      this.#parts.onFound('backups', `${file} was saved, and is not whole: ${String(error)}`);
      return undefined;
    }
  }

  async #take(saved: Saved): Promise<void> {
    const before = this.#newest;
    this.#newest = saved;
    this.#open.add(saved);
    await this.#compare(saved, { isEnd: false });
    if (before !== undefined && !this.#open.has(before)) await rm(before.file, { force: true });
  }

  async #compare(saved: Saved, { isEnd }: { readonly isEnd: boolean }): Promise<void> {
    const { watch, journal, onFound } = this.#parts;
    const { file, revision } = saved;
    const whole = await watch.upTo(revision, isEnd ? 0 : toldWithinMs);
    const changes: readonly Change[] = changesTold(whole);
    if (!isEnd && (changes.at(-1)?.revision ?? 1) < revision) return;
    const store = await storeOf(file);
    // The links are served by this process, too.
    await sleep(0);
    for (const fault of checkSaved(store, changes)) onFound('backups', `${file}: ${fault}`);
    this.#open.delete(saved);
    journal.mark('backups compared');
  }
}

/** The store that a backup has. @throws if it is not whole. */
export async function storeOf(file: string): Promise<KvStore> {
  const opened = await openBackup(reading(file), file);
  try {
    const store = new KvStore();
    await store.restore(opened.content, { id: file, index: opened.head.index });
    return store;
  } finally {
    await opened.close();
  }
}
