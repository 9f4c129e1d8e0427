import type { Committed, LibraryRecord } from '../../src/contract/state-machine.ts';
import type { SnapshotMeta } from '../../src/core/types.ts';
import {
  type DiskContent,
  DurableWordBook,
  readWords,
  type Say,
  type Seal,
  withChanges,
} from './durable-state-machine.ts';

/** Lets everything else go on, the crash of a test included. */
async function pause(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

class WritesRecordsFirst extends DurableWordBook {
  override async apply(batch: readonly Committed<Say>[], seal: Seal): Promise<string[]> {
    const { words, responses } = this.say(batch);
    this.disk.content = { ...this.disk.content, records: this.sealed(seal(responses)) };
    await pause();
    this.disk.content = { ...this.disk.content, words };
    return responses;
  }
}

class WritesRecordsOneByOne extends DurableWordBook {
  override async apply(batch: readonly Committed<Say>[], seal: Seal): Promise<string[]> {
    const { words, responses } = this.say(batch);
    const [first, ...others] = seal(responses);
    const records = this.sealed(first === undefined ? [] : [first]);
    this.disk.content = { words, records };
    await pause();
    this.disk.content = { words, records: this.sealed(others) };
    return responses;
  }
}

class ForgetsEmptyBatches extends DurableWordBook {
  override async apply(batch: readonly Committed<Say>[], seal: Seal): Promise<string[]> {
    return batch.length === 0 ? [] : super.apply(batch, seal);
  }
}

class SealsBefore extends DurableWordBook {
  override async apply(batch: readonly Committed<Say>[], seal: Seal): Promise<string[]> {
    const records = seal([]);
    return super.apply(batch, () => records);
  }
}

class SealsTwice extends DurableWordBook {
  override apply(batch: readonly Committed<Say>[], seal: Seal): Promise<string[]> {
    return super.apply(batch, (responses) => [...seal(responses), ...seal(responses)]);
  }
}

class KeepsWhatWasNotSealed extends DurableWordBook {
  override async apply(batch: readonly Committed<Say>[], seal: Seal): Promise<string[]> {
    const { words, responses } = this.say(batch);
    const { records } = this.disk.content;
    this.disk.content = { words, records };
    this.disk.content = { words, records: withChanges(records, seal(responses)) };
    return responses;
  }
}

class NeverRemovesRecords extends DurableWordBook {
  override sealed(changes: readonly LibraryRecord[]): Map<string, Uint8Array> {
    return super.sealed(changes.filter(({ value }) => value !== undefined));
  }
}

class ReadsOnePage extends DurableWordBook {
  override async *libraryRecords(): AsyncGenerator<LibraryRecord> {
    const page = [...this.disk.content.records].slice(0, 100);
    for (const [key, value] of page) yield { key, value };
  }
}

class StartsWithoutRecords extends DurableWordBook {
  override onDisk({ words }: DiskContent): this {
    return super.onDisk({ words, records: new Map() });
  }
}

class MergesRecords extends DurableWordBook {
  override async restore(
    chunks: AsyncIterable<Uint8Array>,
    _meta: SnapshotMeta,
    records: readonly LibraryRecord[],
  ): Promise<void> {
    this.disk.content = { words: await readWords(chunks), records: this.sealed(records) };
  }
}

class RestoresInPlace extends DurableWordBook {
  override async restore(
    chunks: AsyncIterable<Uint8Array>,
    meta: SnapshotMeta,
    records: readonly LibraryRecord[],
  ): Promise<void> {
    this.disk.content = { words: new Map(), records: new Map() };
    await super.restore(chunks, meta, records);
  }
}

class RestoresInTwoSteps extends DurableWordBook {
  override async restore(
    chunks: AsyncIterable<Uint8Array>,
    _meta: SnapshotMeta,
    records: readonly LibraryRecord[],
  ): Promise<void> {
    const words = await readWords(chunks);
    this.disk.content = { ...this.disk.content, words };
    await pause();
    this.disk.content = { words, records: withChanges(new Map(), records) };
  }
}

class RestoresInMemory extends DurableWordBook {
  #kept: DiskContent | undefined;

  override async restore(
    chunks: AsyncIterable<Uint8Array>,
    meta: SnapshotMeta,
    records: readonly LibraryRecord[],
  ): Promise<void> {
    this.#kept ??= this.disk.content;
    await super.restore(chunks, meta, records);
  }

  override onDisk(content: DiskContent): this {
    return super.onDisk(this.#kept ?? content);
  }
}

/** Writes only when it is closed. */
class FlushesNothing extends DurableWordBook {
  isClosed = false;

  override onDisk(content: DiskContent): this {
    const nothing = { words: new Map(), records: new Map() };
    return super.onDisk(this.isClosed ? content : nothing);
  }
}

/** Each with the beginning of the case that must notice it. */
export const brokenDurableMachines: readonly (readonly [
  mistake: string,
  Machine: new () => DurableWordBook,
  noticedBy: string,
])[] = [
  ['writes the records first', WritesRecordsFirst, 'state and records are of one moment'],
  ['writes one record at a time', WritesRecordsOneByOne, 'state and records are of one moment'],
  ['forgets the records of empty batches', ForgetsEmptyBatches, 'an empty batch keeps'],
  ['seals before it applies', SealsBefore, 'seal is called once'],
  ['seals twice', SealsTwice, 'seal is called once'],
  ['keeps what was not sealed', KeepsWhatWasNotSealed, 'when seal throws'],
  ['never removes a record', NeverRemovesRecords, 'a record replaces the one'],
  ['gives back one page of records', ReadsOnePage, 'libraryRecords gives back every'],
  ['starts without its records', StartsWithoutRecords, 'state and records are there'],
  ['merges the records', MergesRecords, 'restore replaces all library records'],
  ['restores in place', RestoresInPlace, 'a crash in the middle of restore'],
  ['is empty when a restore breaks off', RestoresInPlace, 'a restore whose content breaks'],
  ['restores in two steps', RestoresInTwoSteps, 'a crash in the middle of restore'],
  ['restores in memory only', RestoresInMemory, 'what was restored is there'],
  ['does nothing to flush', FlushesNothing, 'what was applied before flush'],
];
