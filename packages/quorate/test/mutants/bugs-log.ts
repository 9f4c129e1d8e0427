import type { PlantedBug } from './planted-bug.ts';

/** Bugs in what stands between the core and the disk, and in the log on the disk. */
export const logBugs: readonly PlantedBug[] = [
  {
    name: 'acknowledged-before-the-write-resolves',
    families: [40, 42],
    edits: [
      {
        file: 'node/log.ts',
        find: 'this.#underWay = this.#goOnAfter(pending, group);',
        replace: 'this.#underWay = this.#goOnAfter(pending, group); this.#report(group);',
      },
    ],
  },
  {
    name: 'vote-lost-among-writes-of-one-group',
    families: [1, 7],
    edits: [
      {
        file: 'node/log.ts',
        find: 'if (vote !== undefined) merged.vote = vote;',
        replace: '',
      },
    ],
  },
  {
    name: 'truncation-lost-among-writes-of-one-group',
    families: [25],
    edits: [
      {
        file: 'node/log.ts',
        find: 'if (truncate < before) merged.truncate = Math.min(merged.truncate ?? truncate, truncate);',
        replace: '',
      },
    ],
  },
  {
    name: 'truncated-entries-of-one-group-kept',
    families: [25],
    edits: [
      {
        file: 'node/log.ts',
        find: 'entries.length = Math.max(0, Math.min(entries.length, truncate - before));',
        replace: '',
      },
    ],
  },
  {
    name: 'tail-loses-the-entry-before-a-truncation',
    families: [24, 25],
    edits: [
      {
        file: 'node/log-tail.ts',
        find: 'if (last.logId.index <= index) return;',
        replace: 'if (last.logId.index < index) return;',
      },
    ],
  },
  {
    name: 'tail-serves-truncated-entries',
    families: [25],
    edits: [
      {
        file: 'node/log.ts',
        find: 'if (write.truncate !== undefined) this.#tail.truncate(write.truncate);',
        replace: '',
      },
      {
        file: 'node/log-tail.ts',
        find: '    else assert(entries[0]?.logId.index === next, () => `the tail goes on with entry ${next}`);\n    let bytes = 0;\n    for (const entry of entries) {',
        replace:
          '    let bytes = 0;\n    for (const entry of entries) {\n      if (entry.logId.index < this.#first + this.#entries.length - this.#head) continue;',
      },
      { file: 'node/log-tail.ts', find: '    this.#newest = entries;\n', replace: '' },
    ],
  },
  {
    name: 'goes-on-after-a-failed-write',
    families: [46],
    edits: [
      {
        file: 'node/log.ts',
        find: 'await pending;',
        replace: 'await pending.catch(() => undefined);',
      },
      {
        file: 'storage/wal/wal-log-store.ts',
        find: 'if (this.#failure !== undefined) throw this.#failure;',
        replace: '',
      },
    ],
  },
  {
    // A sync that is tried again says nothing of what the first one was to keep.
    name: 'failed-write-tried-again',
    families: [46],
    edits: [
      {
        file: 'storage/wal/wal-log-store.ts',
        find: 'return this.#orFail(() => this.#writeBatch(records));',
        replace:
          'return this.#orFail(() => this.#writeBatch(records).catch(() => this.#writeBatch(records)));',
      },
    ],
  },
  {
    name: 'log-written-without-sync',
    families: [42, 43, 48],
    edits: [
      {
        file: 'storage/wal/spare.ts',
        find: "const file = await files.open(path, { mode: 'create', durableWrites, mayBlock });",
        replace:
          "const file = await files.open(path, { mode: 'create', durableWrites: durableWrites && false, mayBlock });",
      },
      {
        file: 'storage/wal/recover.ts',
        find: "const file = await files.open(path, { mode: 'write', durableWrites, mayBlock });",
        replace:
          "const file = await files.open(path, { mode: 'write', durableWrites: durableWrites && false, mayBlock });",
      },
    ],
  },
  {
    name: 'name-of-a-new-segment-not-synced',
    families: [48],
    edits: [
      {
        file: 'storage/wal/segments.ts',
        find: 'if (durableWrites) await files.syncDirectory(directory);',
        replace: '',
      },
    ],
  },
  {
    name: 'new-segment-forgets-the-vote',
    families: [5, 7],
    edits: [
      {
        file: 'storage/wal/contents.ts',
        find: 'return { identity, vote, purged, last: this.#shape.last };',
        replace:
          'return { identity, vote: vote && { term: vote.term, votedFor: undefined }, purged, last: this.#shape.last };',
      },
    ],
  },
  {
    name: 'segment-dropped-with-an-entry-that-is-wanted',
    families: [28, 51],
    edits: [
      {
        file: 'storage/wal/contents.ts',
        find: 'if (last > this.purged.index) break;',
        replace: 'if (last > this.purged.index + 1) break;',
      },
    ],
  },
  {
    name: 'recovery-passes-over-truncations',
    families: [25, 45],
    edits: [
      {
        file: 'storage/wal/recover.ts',
        find: 'contents.truncate(readLogId(view, record));',
        replace: '',
      },
    ],
  },
  {
    name: 'recovery-passes-over-votes',
    families: [7],
    edits: [
      {
        file: 'storage/wal/recover.ts',
        find: 'contents.vote = voteFrom(readJson(records, record) as Vote);',
        replace: '',
      },
    ],
  },
  {
    name: 'last-batch-taken-for-a-torn-end',
    families: [45, 47],
    edits: [
      {
        file: 'storage/wal/scan.ts',
        find: 'if (end > segment.size) break;',
        replace: 'if (end > segment.size || (await window.head(align(end))) === undefined) break;',
      },
    ],
  },
  {
    name: 'log-emptied-for-a-snapshot-in-memory-only',
    families: [56],
    edits: [
      {
        file: 'storage/wal/wal-log-store.ts',
        find: 'if (!this.#contents.holds(logId)) records.unshift(logIdRecord(recordTag.truncate, logId));',
        replace: '',
      },
      {
        file: 'storage/wal/wal-log-store.ts',
        find: '    this.#contents.purge(logId);\n    await this.#orFail',
        replace:
          '    if (this.#contents.holds(logId)) this.#contents.purge(logId);\n    await this.#orFail',
      },
    ],
  },
  {
    name: 'entries-that-changed-while-they-were-read-are-sent',
    families: [24, 26],
    edits: [
      {
        file: 'node/replicator.ts',
        find: 'currentTerm() !== range.term || range.previous.index < log.purgedTo;',
        replace: 'range.previous.index < log.purgedTo;',
      },
    ],
  },
];
