import type {
  Committed,
  DurableStateMachine,
  LibraryRecord,
} from '../../src/contract/state-machine.ts';
import type { SnapshotMeta } from '../../src/core/types.ts';

/** Appends a word under a key, and answers with all words there. */
export interface Say {
  readonly key: string;
  readonly word: string;
}

export type Seal = (responses: readonly string[]) => readonly LibraryRecord[];

/** All that is on a disk at one moment. It is replaced, never changed. */
export interface DiskContent {
  readonly words: ReadonlyMap<string, string>;
  readonly records: ReadonlyMap<string, Uint8Array>;
}

export interface Disk {
  content: DiskContent;
}

/** A machine with a make-believe disk, on which every write is atomic. */
export class DurableWordBook implements DurableStateMachine<Say, string> {
  readonly disk: Disk;

  constructor(disk: Disk = { content: { words: new Map(), records: new Map() } }) {
    this.disk = disk;
  }

  /** What `reopen` and `afterCrash` of a test go on with. */
  onDisk(content: DiskContent): this {
    const Machine = this.constructor as new (disk: Disk) => this;
    return new Machine({ content });
  }

  async apply(batch: readonly Committed<Say>[], seal: Seal): Promise<string[]> {
    await Promise.resolve();
    const { words, responses } = this.say(batch);
    this.disk.content = { words, records: this.sealed(seal(responses)) };
    return responses;
  }

  say(batch: readonly Committed<Say>[]): { words: Map<string, string>; responses: string[] } {
    const words = new Map(this.disk.content.words);
    const responses = batch.map(({ command: { key, word } }) => {
      const spoken = `${words.get(key) ?? ''} ${word}`;
      words.set(key, spoken);
      return spoken;
    });
    return { words, responses };
  }

  sealed(changes: readonly LibraryRecord[]): Map<string, Uint8Array> {
    return withChanges(this.disk.content.records, changes);
  }

  async snapshot(): Promise<Uint8Array[]> {
    return [Buffer.from(JSON.stringify([...this.disk.content.words]))];
  }

  async restore(
    chunks: AsyncIterable<Uint8Array>,
    _meta: SnapshotMeta,
    records: readonly LibraryRecord[],
  ): Promise<void> {
    const words = await readWords(chunks);
    this.disk.content = { words, records: withChanges(new Map(), records) };
  }

  async *libraryRecords(): AsyncGenerator<LibraryRecord> {
    for (const [key, value] of this.disk.content.records) yield { key, value };
  }

  async flush(): Promise<void> {}
}

export async function readWords(chunks: AsyncIterable<Uint8Array>): Promise<Map<string, string>> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return new Map(JSON.parse(Buffer.concat(parts).toString()) as [string, string][]);
}

export function withChanges(
  records: ReadonlyMap<string, Uint8Array>,
  changes: readonly LibraryRecord[],
): Map<string, Uint8Array> {
  const changed = new Map(records);
  for (const { key, value } of changes) {
    if (value === undefined) changed.delete(key);
    else changed.set(key, value);
  }
  return changed;
}
