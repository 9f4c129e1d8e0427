import type { LogWrite } from '../../src/contract/log-store.ts';
import type { Entry, LogId } from '../../src/core/types.ts';
import { lastOf } from '../../src/testing/log-store/model.ts';
import { type BrokenLogStore, broken } from './broken-log-stores.ts';
import { DiskLogStore, recordsOf } from './disk-log-store.ts';

// Stores that are right in each single call, and wrong in the optional `write`.

class ChecksSingleAppendsOnly extends DiskLogStore {
  override async append(entries: readonly Entry[]): Promise<void> {
    assertContinues(entries, lastOf(this.content));
    await super.append(entries);
  }
}

/** Compares the entries of a write with the log as it was before it is truncated. */
class ChecksBeforeItTruncates extends DiskLogStore {
  override async write(parts: LogWrite): Promise<void> {
    assertContinues(parts.append ?? [], lastOf(this.content));
    await super.write(parts);
  }
}

function assertContinues(entries: readonly Entry[], last: LogId): void {
  const wrong = entries.find(({ logId }, at) => logId.index !== last.index + 1 + at);
  if (wrong !== undefined) throw new RangeError(`Entry ${wrong.logId.index} leaves a gap.`);
}

class TruncatesLast extends DiskLogStore {
  override async write({ truncate, ...parts }: LogWrite): Promise<void> {
    await super.write(parts);
    if (truncate !== undefined) await super.write({ truncate });
  }
}

/** All that is asked for is there in the end, but the entries are there before the vote. */
class VotesLast extends DiskLogStore {
  override async write({ vote, ...parts }: LogWrite): Promise<void> {
    await super.write(parts);
    if (vote !== undefined) await super.write({ vote });
  }
}

class DropsTheIdentity extends DiskLogStore {
  override write({ identity: _, ...parts }: LogWrite): Promise<void> {
    return super.write(parts);
  }
}

/** Remembers a vote of several parts until it is closed. */
class KeepsTheVoteInMemory extends DiskLogStore {
  override async write({ vote, ...parts }: LogWrite): Promise<void> {
    await super.write(parts);
    if (vote !== undefined) this.content = { ...this.content, vote };
  }
}

class TruncatesUnasked extends DiskLogStore {
  override write({ truncate = 0, ...parts }: LogWrite): Promise<void> {
    return super.write({ truncate, ...parts });
  }

  override append(entries: readonly Entry[]): Promise<void> {
    return super.write({ append: entries });
  }
}

/** Zero is falsy. */
class OverlooksTruncationToZero extends DiskLogStore {
  override write({ truncate, ...parts }: LogWrite): Promise<void> {
    return super.write({ ...parts, ...(truncate ? { truncate } : {}) });
  }
}

class AcceptsAfterFailure extends DiskLogStore {
  override write(parts: LogWrite): Promise<void> {
    if (Object.keys(parts).length > 1) this.failure = undefined;
    return super.write(parts);
  }
}

class AcceptsAfterDisposal extends DiskLogStore {
  override async write(parts: LogWrite): Promise<void> {
    for (const write of recordsOf(parts)) await this.put(write);
  }

  override async put(...args: Parameters<DiskLogStore['put']>): Promise<void> {
    const [{ type }] = args;
    if (type !== 'truncate' || !this.isStopped) await super.put(...args);
  }

  override async append(entries: readonly Entry[]): Promise<void> {
    this.assertOpen();
    await super.append(entries);
  }

  override async truncate(index: number): Promise<void> {
    this.assertOpen();
    await super.truncate(index);
  }
}

const inTheirOrder = 'all parts of a write take effect';
const duringSeveralParts = 'wherever the power is cut during a write of several parts';

export const brokenGroupStores: readonly BrokenLogStore[] = [
  broken(
    'checks single appends only',
    ChecksSingleAppendsOnly,
    'what one of the single calls refuses',
  ),
  broken('checks entries before it truncates', ChecksBeforeItTruncates, inTheirOrder),
  broken('truncates what it has just appended', TruncatesLast, inTheirOrder),
  broken('votes after it has appended', VotesLast, duringSeveralParts),
  broken('drops the identity of a write', DropsTheIdentity, inTheirOrder),
  broken('keeps the vote of a write in memory', KeepsTheVoteInMemory, 'each choice of parts'),
  broken('truncates unasked', TruncatesUnasked, 'a write without parts'),
  broken('overlooks a truncation to 0', OverlooksTruncationToZero, 'a write can truncate all'),
  broken(
    'accepts several parts after a failure',
    AcceptsAfterFailure,
    'after a write that failed with EIO',
  ),
  broken('accepts a write after disposal', AcceptsAfterDisposal, 'a store that was disposed'),
];
