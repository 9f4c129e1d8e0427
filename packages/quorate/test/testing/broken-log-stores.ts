import type { LogState } from '../../src/contract/log-store.ts';
import type { Entry, Identity, LogId, LogIndex, Vote } from '../../src/core/types.ts';
import { EntryNotFoundError } from '../../src/errors.ts';
import {
  after,
  emptyContent,
  type LogContent,
  lastOf,
  type StoreWrite,
} from '../../src/testing/log-store/model.ts';
import { type Disk, DiskLogStore, type DiskRecord } from './disk-log-store.ts';

/** A store with one mistake, and the case that must notice it. */
export interface BrokenLogStore {
  readonly mistake: string;
  readonly Store: new (disk: Disk) => DiskLogStore;
  readonly noticedBy: string;
}

class LosesLastWrite extends DiskLogStore {
  override replay(records: readonly DiskRecord[]): LogContent {
    return super.replay(records.slice(0, -1));
  }
}

/** Applies a record as if entries had places of their own that nobody clears. */
function overwriting(content: LogContent, write: StoreWrite): LogContent {
  if (write.type !== 'append') return after(content, write);
  const taken = new Set(write.entries.map(({ logId }) => logId.index));
  const others = content.entries.filter(({ logId }) => !taken.has(logId.index));
  return inOrder({ ...content, entries: [...others, ...write.entries] });
}

class KeepsTruncatedEntries extends DiskLogStore {
  override replay(records: readonly DiskRecord[]): LogContent {
    return records
      .filter(({ write }) => write.type !== 'truncate')
      .reduce((content, { write }) => overwriting(content, write), emptyContent);
  }
}

class ForgetsPurgedTerm extends DiskLogStore {
  override replay(records: readonly DiskRecord[]): LogContent {
    const content = super.replay(records);
    return { ...content, purged: { term: 0, index: content.purged.index } };
  }
}

class ForgetsPurgedEnd extends DiskLogStore {
  override replay(records: readonly DiskRecord[]): LogContent {
    const content = super.replay(records);
    return content.entries.length > 0 ? content : { ...content, purged: emptyContent.purged };
  }
}

class LosesIdentityWithPurge extends DiskLogStore {
  override replay(records: readonly DiskRecord[]): LogContent {
    const content = super.replay(records);
    return content.purged.index > 0 ? { ...content, identity: undefined } : content;
  }
}

class VoteGoesBack extends DiskLogStore {
  override replay(records: readonly DiskRecord[]): LogContent {
    const votes = records.filter(({ write }) => write.type === 'saveVote');
    const first = votes[0]?.write;
    const content = super.replay(records);
    return first?.type === 'saveVote' ? { ...content, vote: first.vote } : content;
  }
}

class OldIdentityStays extends DiskLogStore {
  override saveIdentity(identity: Identity): Promise<void> {
    return super.saveIdentity(this.content.identity ?? identity);
  }
}

class AcceptsAfterFailedWrite extends DiskLogStore {
  override async put(write: StoreWrite, following = 0): Promise<void> {
    this.failure = undefined;
    await super.put(write, following);
  }
}

class HidesFailedWrite extends DiskLogStore {
  override async put(write: StoreWrite, following = 0): Promise<void> {
    await super.put(write, following).catch((error: unknown) => {
      if (this.isStopped || this.disk.stepsLeft === 0) throw error;
    });
  }
}

class DropsAllAfterFailedWrite extends DiskLogStore {
  override async put(write: StoreWrite, following = 0): Promise<void> {
    await super.put(write, following).catch((error: unknown) => {
      if (this.disk.stepsLeft > 0) this.disk.records = [];
      throw error;
    });
  }
}

class AnswersShort extends DiskLogStore {
  override async read(from: LogIndex, to: LogIndex): Promise<Entry[]> {
    this.assertOpen();
    return this.content.entries.filter(({ logId }) => logId.index >= from && logId.index < to);
  }
}

class IgnoresMaxBytes extends DiskLogStore {
  override read(from: LogIndex, to: LogIndex): Promise<Entry[]> {
    return super.read(from, to);
  }
}

class ReturnsNothingOfALargeEntry extends DiskLogStore {
  override async read(from: LogIndex, to: LogIndex, options?: { maxBytes?: number }) {
    const entries = await super.read(from, to, options);
    return options?.maxBytes === 0 ? [] : entries;
  }
}

class ReadsBackwards extends DiskLogStore {
  override async read(from: LogIndex, to: LogIndex, options?: { maxBytes?: number }) {
    return (await super.read(from, to, options)).toReversed();
  }
}

class AppendsInWrongOrder extends DiskLogStore {
  override async append(entries: readonly Entry[]): Promise<void> {
    for (const entry of entries.toReversed()) {
      await this.put({ type: 'append', entries: [entry] });
    }
    this.content = inOrder(this.content);
  }

  override replay(records: readonly DiskRecord[]): LogContent {
    return records.reduce((content, { write }) => inOrder(after(content, write)), emptyContent);
  }
}

function inOrder(content: LogContent): LogContent {
  const entries = content.entries.toSorted((a, b) => a.logId.index - b.logId.index);
  return { ...content, entries };
}

/** Keeps the term and the name of a vote in two records. */
class SplitsTheVote extends DiskLogStore {
  override async saveVote(vote: Vote): Promise<void> {
    await super.saveVote({ term: vote.term, votedFor: this.content.vote?.votedFor });
    await super.saveVote(vote);
  }
}

class OverlooksDamage extends DiskLogStore {
  override replay(records: readonly DiskRecord[]): LogContent {
    return super.replay(records.map(({ write, following }) => ({ write, following })));
  }
}

class HidesDamage extends DiskLogStore {
  override replay(records: readonly DiskRecord[]): LogContent {
    const end = records.findIndex(({ isDamaged }) => isDamaged === true);
    return super.replay(end === -1 ? records : records.slice(0, end));
  }
}

class OpensTwice extends DiskLogStore {
  override sharesDisk(): boolean {
    return true;
  }
}

/** Acknowledges a write when the next one pushes it to the disk. */
class AcknowledgesEarly extends DiskLogStore {
  #waiting: { readonly write: StoreWrite; readonly following: number } | undefined;

  override async put(write: StoreWrite, following = 0): Promise<void> {
    const earlier = this.#waiting;
    this.#waiting = { write, following };
    this.content = after(this.content, write);
    if (earlier !== undefined) await this.disk.add(earlier);
  }
}

/** Hides the start of an append that was cut, but leaves it on the disk. */
class TornWriteComesBack extends DiskLogStore {
  override replay(records: readonly DiskRecord[]): LogContent {
    const whole = records.findLastIndex(({ following }) => following === 0);
    return records
      .slice(0, whole + 1)
      .reduce((content, { write }) => overwriting(content, write), emptyContent);
  }
}

class PurgeGoesBack extends DiskLogStore {
  override async purge(logId: LogId): Promise<void> {
    await super.purge(logId);
    this.content = { ...this.content, purged: logId };
  }

  override replay(records: readonly DiskRecord[]): LogContent {
    const purges = records.filter(({ write }) => write.type === 'purge');
    const write = purges.at(-1)?.write;
    const content = super.replay(records);
    return write?.type === 'purge' ? { ...content, purged: write.logId } : content;
  }
}

class PurgesByIndexAlone extends DiskLogStore {
  override async purge(logId: LogId): Promise<void> {
    const there = this.content.entries.find((entry) => entry.logId.index === logId.index);
    await super.purge(there?.logId ?? logId);
  }
}

class PurgesNoFurtherThanItsEnd extends DiskLogStore {
  override async purge(logId: LogId): Promise<void> {
    const last = lastOf(this.content);
    await super.purge(logId.index > last.index ? last : logId);
  }
}

class TruncatesOneTooMany extends DiskLogStore {
  override truncate(index: LogIndex): Promise<void> {
    return super.truncate(Math.max(index - 1, this.content.purged.index));
  }
}

class LosesSessions extends DiskLogStore {
  override append(entries: readonly Entry[]): Promise<void> {
    return super.append(
      entries.map(({ logId, payload }) => {
        if (payload.type !== 'command') return { logId, payload };
        const { bytes, value } = payload.data;
        return { logId, payload: { type: 'command', data: { bytes, value } } };
      }),
    );
  }
}

class AnswersAfterDisposal extends DiskLogStore {
  override assertOpen(): void {}
}

class HandsOutItsOwnArray extends DiskLogStore {
  #handedOut: Entry[] = [];

  override async read(from: LogIndex, to: LogIndex, options?: { maxBytes?: number }) {
    this.#handedOut = await super.read(from, to, options);
    return this.#handedOut;
  }

  override async truncate(index: LogIndex): Promise<void> {
    await super.truncate(index);
    this.#handedOut.length = Math.min(this.#handedOut.length, index);
  }
}

class AnnouncesTooEarly extends DiskLogStore {
  #announced: LogId | undefined;

  override async append(entries: readonly Entry[]): Promise<void> {
    this.#announced = entries.at(-1)?.logId;
    await super.append(entries);
    this.#announced = undefined;
  }

  override async state(): Promise<LogState> {
    const { purged, last } = await super.state();
    return { purged, last: this.#announced ?? last };
  }
}

class ReportsPurgedAsMissingVote extends DiskLogStore {
  override async readVote() {
    if (this.content.purged.index > 0) throw new EntryNotFoundError('The vote was purged.');
    return super.readVote();
  }
}

const wherePowerIsCut = 'wherever the power is cut, what was acknowledged';
const survivesCrash = 'everything survives a crash';
const purgedInTheMiddle = 'purging in the middle keeps the rest';
const afterFailure = 'after a write that failed with EIO';
const beyondEitherEnd = 'a read beyond either end is refused';
const boundedRead = 'a bounded read stops at the bound';
const everyKind = 'entries of every kind';
const damagedEntry = 'a damaged entry is never returned';
const survivePurge = 'identity, vote and the purged end survive';

export const brokenLogStores: readonly BrokenLogStore[] = [
  broken('loses the last write', LosesLastWrite, survivesCrash),
  broken('keeps truncated entries', KeepsTruncatedEntries, 'the log goes on where it was'),
  broken('truncates one entry too many', TruncatesOneTooMany, 'truncating at or after the last'),
  broken('forgets the purged term', ForgetsPurgedTerm, purgedInTheMiddle),
  broken('forgets the purged end of an empty log', ForgetsPurgedEnd, survivePurge),
  broken('loses its identity with a purge', LosesIdentityWithPurge, survivePurge),
  broken('loses its vote with a purge', ReportsPurgedAsMissingVote, survivePurge),
  broken('goes back to an older vote', VoteGoesBack, 'the later of two saved votes'),
  broken('keeps its first identity', OldIdentityStays, 'the later of two saved identities'),
  broken('accepts writes after one that failed', AcceptsAfterFailedWrite, afterFailure),
  broken('hides a failed write', HidesFailedWrite, afterFailure),
  broken(
    'loses everything with a failed write',
    DropsAllAfterFailedWrite,
    'what was acknowledged before a write that failed with ENOSPC',
  ),
  broken('answers short instead of refusing', AnswersShort, beyondEitherEnd),
  broken('ignores maxBytes', IgnoresMaxBytes, boundedRead),
  broken('returns nothing of a large entry', ReturnsNothingOfALargeEntry, boundedRead),
  broken('reads backwards', ReadsBackwards, 'an empty, an inner and the whole range'),
  broken('appends in the wrong order', AppendsInWrongOrder, wherePowerIsCut),
  broken('keeps a vote in two records', SplitsTheVote, wherePowerIsCut),
  broken('acknowledges before the write', AcknowledgesEarly, wherePowerIsCut),
  broken('lets a torn write come back', TornWriteComesBack, wherePowerIsCut),
  broken('overlooks damage', OverlooksDamage, damagedEntry),
  broken('ends the log where it is damaged', HidesDamage, damagedEntry),
  broken('can be opened twice', OpensTwice, 'a directory that is open'),
  broken('purges backwards', PurgeGoesBack, purgedInTheMiddle),
  broken('purges by index alone', PurgesByIndexAlone, 'purging an id whose term'),
  broken('purges no further than its end', PurgesNoFurtherThanItsEnd, 'purging beyond the last'),
  broken('loses sessions', LosesSessions, everyKind),
  broken('answers after it was disposed', AnswersAfterDisposal, 'a store that was disposed'),
  broken('hands out its own array', HandsOutItsOwnArray, 'what was read does not change'),
  broken('announces entries it cannot read', AnnouncesTooEarly, 'a read during an append'),
];

export function broken(
  mistake: string,
  Store: new (disk: Disk) => DiskLogStore,
  noticedBy: string,
): BrokenLogStore {
  return { mistake, Store, noticedBy };
}
