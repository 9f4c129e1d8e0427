import type { Mutant } from './mutants.ts';

const advanceCheck = 'if (index <= core.committed || core.log.termAt(index) !== core.term) return;';
const matchOfAnswer = 'const match = Math.min(core.verified, core.durable);';
const verifiedOfAppend =
  'core.verified = Math.max(core.verified, rpc.previous.index + rpc.entries.length);';

const truncatedDurable = 'this.durable = Math.min(this.durable, index);';

/** Bugs in appending, acknowledging, committing and reading. */
export const replicationMutants: readonly Mutant[] = [
  {
    name: 'commit-older-term-by-count',
    edits: [
      { file: 'leader.ts', find: advanceCheck, replace: 'if (index <= core.committed) return;' },
    ],
    kills: ['S12', 'S8', 'S9'],
  },
  {
    name: 'commit-stops-at-older-term',
    edits: [
      {
        file: 'leader.ts',
        find: advanceCheck,
        replace:
          'if (index <= core.committed || core.log.termAt(core.committed + 1) !== core.term) return;',
      },
    ],
    kills: ['E1'],
  },
  {
    name: 'own-copy-counts-before-durable',
    edits: [
      {
        file: 'leader.ts',
        find: 'id === core.id ? core.durable',
        replace: 'id === core.id ? core.last.index',
      },
    ],
    kills: ['S10'],
  },
  {
    name: 'ack-own-last',
    edits: [{ file: 'follower.ts', find: matchOfAnswer, replace: 'const match = core.durable;' }],
    kills: ['S4'],
  },
  {
    name: 'ack-before-durable',
    edits: [
      { file: 'follower.ts', find: matchOfAnswer, replace: 'const match = core.verified;' },
      {
        file: 'follower.ts',
        find: 'const untilWrite = rpc.entries.length === 0 ? 0 : core.lastWrite;',
        replace: 'const untilWrite = 0;',
      },
    ],
    kills: ['S4'],
  },
  {
    name: 'heartbeat-verifies-last',
    edits: [
      {
        file: 'follower.ts',
        find: verifiedOfAppend,
        replace: `if (rpc.entries.length === 0) core.verified = core.last.index; else ${verifiedOfAppend}`,
      },
    ],
    kills: ['S4', 'S12'],
  },
  {
    name: 'heartbeat-acks-what-is-not-durable',
    edits: [
      {
        file: 'follower.ts',
        find: matchOfAnswer,
        replace: 'const match = core.isVoteDurable ? core.verified : core.durable;',
      },
    ],
    kills: ['S4'],
  },
  {
    name: 'commit-to-own-last',
    edits: [
      {
        file: 'follower.ts',
        find: 'const committed = Math.min(rpc.committed, core.verified);',
        replace: 'const committed = Math.min(rpc.committed, core.last.index);',
      },
    ],
    kills: ['S9', 'S12'],
  },
  {
    name: 'verified-survives-term',
    edits: [{ file: 'state.ts', find: 'if (term > this.term) this.verified = 0;', replace: '' }],
    kills: ['S4', 'S12', 'S26'],
  },
  {
    name: 'answer-not-checked-again',
    edits: [{ file: 'follower.ts', find: 'if (term !== core.term) {', replace: 'if (false) {' }],
    kills: ['S3', 'S4'],
  },
  {
    name: 'no-term-check-of-previous',
    edits: [
      {
        file: 'follower.ts',
        find: 'if (core.log.termAt(previous.index) === previous.term) return undefined;',
        replace: 'if (core.last.index >= previous.index) return undefined;',
      },
    ],
    kills: ['S4', 'S6', 'S13'],
  },
  {
    name: 'truncate-always',
    edits: [
      {
        file: 'follower.ts',
        find: 'if (term !== logId.term && logId.index > core.committed) {',
        replace: 'if (logId.index > core.committed) {',
      },
    ],
    kills: ['S13'],
  },
  {
    name: 'truncation-leaves-durable',
    edits: [{ file: 'state.ts', find: truncatedDurable, replace: '' }],
    kills: ['S4', 'S11', 'S26'],
  },
  {
    name: 'truncation-leaves-unwritten',
    edits: [
      {
        file: 'state.ts',
        find: `${truncatedDurable}\n    for (const write of this.#unwritten) write.last = Math.min(write.last, index);`,
        replace: truncatedDurable,
      },
    ],
    kills: ['S4', 'S10', 'S11', 'S26'],
  },
  {
    name: 'apply-ahead-of-disk',
    edits: [
      {
        file: 'state.ts',
        find: 'const index = Math.min(this.committed, this.durable);',
        replace: 'const index = this.committed;',
      },
    ],
    kills: ['S11'],
  },
  {
    name: 'match-falls-with-late-answer',
    edits: [
      {
        file: 'progress.ts',
        find: 'this.matchIndex = Math.max(this.matchIndex, matchIndex);',
        replace: 'this.matchIndex = matchIndex;',
      },
    ],
    kills: ['S26'],
  },
  {
    name: 'match-guessed-from-next',
    edits: [
      {
        file: 'append-answers.ts',
        find: 'progress.accept(match);',
        replace: 'progress.accept(Math.max(match, progress.nextIndex - 1));',
      },
    ],
    kills: ['S10', 'S15'],
  },
  {
    name: 'silent-follower-stays-paused',
    edits: [{ file: 'append-answers.ts', find: 'progress.paused = false;', replace: '' }],
    kills: ['E1'],
  },
  {
    name: 'read-without-confirmation',
    edits: [{ file: 'read-index.ts', find: 'if (confirmed < round.since) return;', replace: '' }],
    kills: ['S21'],
  },
  {
    name: 'read-confirmed-by-older-call',
    edits: [
      {
        file: 'read-index.ts',
        find: 'if (confirmed < round.since) return;',
        replace: 'if (confirmed < 1) return;',
      },
    ],
    kills: ['S21'],
  },
  {
    name: 'read-before-commit-in-term',
    edits: [
      {
        file: 'read-index.ts',
        find: 'if (leadership.waitingReads.length === 0 || !core.hasCommittedInTerm) return;',
        replace: 'if (leadership.waitingReads.length === 0) return;',
      },
    ],
    kills: ['S21'],
  },
];
