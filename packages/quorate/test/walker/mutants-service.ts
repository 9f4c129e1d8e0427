import type { Mutant } from './mutants.ts';

/** Bugs in reads, leases, transfers and the quarantine of nodes whose disks have lost something. */
export const serviceMutants: readonly Mutant[] = [
  {
    // Rows 74 and 78.
    name: 'lease-by-role-only',
    edits: [
      {
        file: 'lease.ts',
        find: 'return core.now < quorumContactAt(core, { isGraceGiven: false }) + leaseMs;',
        replace: 'return leaseMs > 0;',
      },
    ],
    kills: ['S21'],
  },
  {
    // Row 78.
    name: 'lease-kept-across-transfer',
    edits: [
      {
        file: 'lease.ts',
        find: '!checkQuorum || core.office.hasBegunTransfer ||',
        replace: '!checkQuorum ||',
      },
    ],
    kills: ['S21'],
  },
  {
    // Row 78.
    name: 'lease-from-receive-time',
    edits: [
      {
        file: 'lease.ts',
        find: '? -Infinity : one.contactAt;',
        replace: '? -Infinity : (one.lastAckAt ?? one.contactAt);',
      },
    ],
    kills: ['S21'],
  },
  {
    // Row 78.
    name: 'lease-ignores-clock-drift',
    edits: [
      {
        file: 'lease.ts',
        find: 'electionTimeoutMs.min * (1 - maxClockDrift)',
        replace: 'electionTimeoutMs.min * (1 - 0 * maxClockDrift)',
      },
    ],
    kills: ['S21'],
  },
  {
    name: 'lease-as-long-as-check-quorum',
    edits: [
      {
        file: 'lease.ts',
        find: 'electionTimeoutMs.min * (1 - maxClockDrift)',
        replace: 'electionTimeoutMs.max * (1 - maxClockDrift)',
      },
    ],
    kills: ['S21'],
  },
  {
    // Row 75.
    name: 'lease-before-commit-in-term',
    edits: [{ file: 'lease.ts', find: ' || !core.hasCommittedInTerm', replace: '' }],
    kills: ['S21'],
  },
  {
    // Row 76.
    name: 'late-answer-confirms-retried-read',
    edits: [
      {
        file: 'append-answers.ts',
        find: 'progress.answeredCall = Math.max(progress.answeredCall, call);',
        replace: 'progress.answeredCall = core.lastCall;',
      },
    ],
    kills: ['S21'],
  },
  {
    // Row 83.
    name: 'reads-forgotten-on-step-down',
    edits: [
      {
        file: 'step-down.ts',
        find: '[...(readRound?.requests ?? []), ...waitingReads]',
        replace: '[...(readRound?.requests ?? waitingReads)]',
      },
    ],
    kills: ['E1'],
  },
  {
    name: 'read-answer-commits-what-was-not-compared',
    edits: [
      {
        file: 'read-index.ts',
        find: 'Math.min(index, core.verified)',
        replace: 'Math.min(index, core.last.index)',
      },
    ],
    kills: ['S12', 'S9'],
  },
  {
    // Row 78.
    name: 'stale-timeout-now-obeyed',
    edits: [
      {
        file: 'election.ts',
        find: 'rpc.term === core.term && rpc.leader === core.leader;',
        replace: 'rpc.term <= core.term;',
      },
    ],
    kills: ['S28'],
  },
  {
    // Row 79.
    name: 'proposals-taken-during-transfer',
    edits: [
      { file: 'leader.ts', find: 'if (isRefusedByTransfer(core, request)) return;', replace: '' },
    ],
    kills: ['S28'],
  },
  {
    // Row 79.
    name: 'changes-taken-during-transfer',
    edits: [
      {
        file: 'membership-change.ts',
        find: 'if (isRefusedByTransfer(core, request)) return;',
        replace: '',
      },
    ],
    kills: ['S28'],
  },
  {
    // Row 79.
    name: 'transfer-before-target-has-all',
    edits: [
      {
        file: 'transfer.ts',
        find: 'if (core.office.progress.get(to)?.matchIndex !== core.last.index) return;',
        replace: '',
      },
    ],
    kills: ['S28'],
  },
  {
    // Row 79.
    name: 'transfer-never-times-out',
    edits: [{ file: 'leader.ts', find: '  watchTransfer(core);\n', replace: '' }],
    kills: ['S28'],
  },
  {
    // Row 79.
    name: 'transfer-end-not-waited-for',
    edits: [
      {
        file: 'raft-core.ts',
        find: 'return Math.min(leadership.beatAt, leadership.transfer?.endsAt ?? Infinity);',
        replace: 'return leadership.beatAt;',
      },
    ],
    kills: ['S28'],
  },
  {
    name: 'transfer-forgotten-on-step-down',
    edits: [
      {
        file: 'step-down.ts',
        find: "if (isUnseated) core.reply(transfer.request, { type: 'done' });",
        replace: 'if (isUnseated) core.leadership = undefined;',
      },
    ],
    kills: ['E1'],
  },
  {
    name: 'transfer-lost-answer-taken-for-no',
    edits: [
      {
        file: 'transfer.ts',
        find: '  if (hadNoEffect !== true) transfer.mayHaveAsked = true;\n',
        replace: '',
      },
    ],
    kills: ['S28'],
  },
  {
    name: 'transfer-done-when-leader-resigns',
    edits: [
      {
        file: 'step-down.ts',
        find: 'const isUnseated = term > core.term;',
        replace: 'const isUnseated = true;',
      },
    ],
    kills: ['S28'],
  },
  {
    // Row 68.
    name: 'quarantined-node-votes',
    edits: [
      { file: 'election.ts', find: '  if (core.isQuarantined) return false;\n', replace: '' },
      { file: 'quarantine.ts', find: ', granted: false }', replace: ' }' },
    ],
    kills: ['S29', 'S2'],
  },
  {
    // Row 68.
    name: 'quarantined-node-confirms-entries',
    edits: [
      {
        file: 'quarantine.ts',
        find: "return { type: 'append', response: { term: 0, accepted: false, hint } };",
        replace: 'return hint.term === 0 ? answer : answer;',
      },
    ],
    kills: ['S29', 'S8'],
  },
  {
    name: 'quarantined-node-campaigns',
    edits: [
      {
        file: 'state.ts',
        find: 'const isEligible = this.isVoter && !this.isQuarantined;',
        replace: 'const isEligible = this.isVoter;',
      },
    ],
    kills: ['S26', 'S29'],
  },
  {
    name: 'quarantined-leader-stays',
    edits: [
      {
        file: 'step-down.ts',
        find: "if (core.role === 'leader' || core.role === 'candidate') becomeFollower",
        replace: "if (core.role === 'candidate') becomeFollower",
      },
    ],
    kills: ['S26', 'S29'],
  },
];
