import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { RocksStateMachine, type RocksStateMachineOptions, type StateView } from '@quorate/rocksdb';
import type { Committed } from 'quorate';

/** Appends a word to what is said under a key, or asks how many words there are from a key on. */
export type Say =
  | { readonly type: 'say'; readonly key: string; readonly word: string }
  | { readonly type: 'forget'; readonly key: string }
  | { readonly type: 'count'; readonly from: string };

export type Words = RocksStateMachine<Say, string>;

export const wordOptions: RocksStateMachineOptions<Say, string> = {
  async applyOne({ command }, view) {
    if (command.type === 'forget') {
      view.delete(command.key);
      return 'forgotten';
    }
    if (command.type === 'count') {
      let count = 0;
      for await (const _ of view.entries({ from: command.from })) count += 1;
      return `${count}`;
    }
    const said = await view.get(command.key);
    const words = `${said === undefined ? '' : Buffer.from(said).toString()} ${command.word}`;
    view.put(command.key, Buffer.from(words));
    return words;
  },
};

/** Folders of machines, which all go with `dispose`. */
export class Machines implements AsyncDisposable {
  readonly #root = mkdtempSync(path.join(tmpdir(), 'quorate-rocksdb-'));
  readonly #folders = new WeakMap<object, string>();
  readonly #open = new Set<Words>();

  newFolder(): string {
    return path.join(mkdtempSync(path.join(this.#root, 'machine-')), 'state');
  }

  async open(
    folder: string = this.newFolder(),
    options: RocksStateMachineOptions<Say, string> = wordOptions,
  ): Promise<Words> {
    const machine = await RocksStateMachine.open(folder, options);
    this.#folders.set(machine, folder);
    this.#open.add(machine);
    return machine;
  }

  /** Opens a new machine and says each word once, under itself. */
  async openWith(...words: readonly string[]): Promise<Words> {
    const machine = await this.open();
    const commands = words.map((word) => ({ type: 'say', key: word, word }) as const);
    await machine.apply(say(...commands), nothingSealed);
    return machine;
  }

  folderOf(machine: object): string {
    const folder = this.#folders.get(machine);
    if (folder === undefined) throw new Error('The machine was not opened by this test.');
    return folder;
  }

  async reopen(machine: Words): Promise<Words> {
    await machine.close();
    return this.open(this.folderOf(machine));
  }

  /** Opens a copy of the files, made while the machine works: what a process that dies leaves. */
  afterCrash(machine: object): Promise<Words> {
    const copy = this.newFolder();
    copyFolder(this.folderOf(machine), copy);
    return this.open(copy);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const machine of this.#open) await machine.close();
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/** All in one go, so that this thread changes nothing meanwhile. */
export function copyFolder(from: string, to: string): void {
  for (let tries = 0; ; tries += 1) {
    try {
      cpSync(from, to, { recursive: true });
      return;
    } catch (error) {
      // A thread of the engine has removed a file while it was copied.
      if (tries === 5) throw error;
      rmSync(to, { recursive: true, force: true });
    }
  }
}

export function say(...commands: readonly Say[]): Committed<Say>[] {
  return commands.map((command, at) => ({ logId: { term: 1, index: at + 1 }, command }));
}

export const nothingSealed = (): [] => [];

export const meta = {
  id: 'snapshot-1',
  lastLogId: { term: 1, index: 9 },
  membership: {
    cluster: 'cluster-1',
    voters: [['a']],
    nodes: { a: {} },
    logId: { term: 1, index: 1 },
  },
};

export async function stateOf(machine: StateView): Promise<Record<string, string>> {
  const state: Record<string, string> = {};
  for await (const [key, value] of machine.entries()) {
    state[Buffer.from(key).toString()] = Buffer.from(value).toString();
  }
  return state;
}

export async function contentOf(machine: Pick<Words, 'snapshot'>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await machine.snapshot()) chunks.push(chunk);
  return chunks;
}

export async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
