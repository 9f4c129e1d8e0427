import type { Mutant } from './mutants.ts';

const stateFile = 'state.ts';
const installFile = 'snapshot-install.ts';
const answersFile = 'append-answers.ts';
const installUnlessCovered = 'if (!isCovered(core, meta)) install(core, meta);';
const purgeOfInstall = 'const keepsRest = this.log.purge(lastLogId);';
const newestHere = 'this.snapshot = lastLogId;';
const stillNeeded = 'for (const call of [sending, snapshotCall]) {';
const isHeld = 'const isHeld = this.termAt(index) === term;';

function planted(
  name: string,
  file: string,
  [find, replace]: readonly [string, string],
  kills: Mutant['kills'],
): Mutant {
  return { name, edits: [{ file, find, replace }], kills };
}

/** Bugs in taking over a snapshot. */
const installMutants: readonly Mutant[] = [
  {
    name: 'older-snapshot-installed',
    edits: [
      { file: installFile, find: installUnlessCovered, replace: 'install(core, meta);' },
      {
        file: installFile,
        find: 'else if (isCovered(core, rpc.meta)) releaseSnapshotAnswer(core, request, 0);',
        replace: '',
      },
    ],
    kills: ['S13', 'S19', 'S26'],
  },
  planted(
    'saved-snapshot-not-compared-again',
    installFile,
    [installUnlessCovered, 'install(core, meta);'],
    ['S13', 'S19', 'S26'],
  ),
  planted(
    'delayed-snapshot-cuts-matching-log',
    stateFile,
    [
      purgeOfInstall,
      `if (this.log.termAt(index) === lastLogId.term) this.log.truncate(index); ${purgeOfInstall}`,
    ],
    ['S13'],
  ),
  planted(
    'install-counts-as-applied',
    stateFile,
    [newestHere, `${newestHere} this.applied = index;`],
    ['S11', 'S26'],
  ),
  planted(
    'applies-while-restoring',
    stateFile,
    ['!this.isVoteDurable || this.isRestoring) return;', '!this.isVoteDurable) return;'],
    ['S11'],
  ),
  planted(
    'conflict-survives-install',
    'log-shape.ts',
    [isHeld, 'const isHeld = index <= this.#last.index;'],
    ['S6', 'S13', 'S26'],
  ),
  planted(
    'durable-survives-install',
    stateFile,
    [
      'this.durable = keepsRest ? Math.max(this.durable, index) : index;',
      'this.durable = Math.max(this.durable, index);',
    ],
    ['S4', 'S26'],
  ),
  planted(
    'term-from-snapshot',
    stateFile,
    [newestHere, `${newestHere} this.term = lastLogId.term;`],
    ['S14', 'S26'],
  ),
  planted(
    'first-of-two-snapshots-ends-restoring',
    'raft-core.ts',
    ['core.applied = index;', 'core.applied = Math.max(index, core.log.purged.index);'],
    ['S26', 'S11'],
  ),
  planted(
    // Row 67.
    'snapshot-leaves-membership',
    stateFile,
    ['this.memberships.install(meta.membership, this.log);', ''],
    ['S17', 'S26'],
  ),
  planted(
    'role-survives-install',
    installFile,
    ["core.role = core.isVoter ? 'follower' : 'learner';", ''],
    ['S26'],
  ),
  planted(
    'snapshot-saved-before-its-term',
    installFile,
    [
      "core.hold({ type: 'snapshot', request, rpc }, { untilWrite: 0 });",
      'releaseSnapshot(core, request, rpc);',
    ],
    ['S3'],
  ),
  planted(
    'snapshot-answer-ahead-of-disk',
    installFile,
    [
      'const match = Math.min(Math.max(core.verified, core.committed), core.durable);',
      'const match = Math.max(core.verified, core.committed);',
    ],
    ['S4'],
  ),
];

/** Bugs in sending snapshots, and in purging the log behind them. */
const purgeMutants: readonly Mutant[] = [
  planted(
    'term-lost-with-its-first-entry',
    'log-shape.ts',
    ['if (isCut) rest.unshift({ term, index: index + 1 });', ''],
    ['S26'],
  ),
  planted(
    'purge-past-the-snapshot',
    'purge.ts',
    [
      'core.purgeTo = Math.max(core.purgeTo, Math.min(purgeTo, lastLogId.index));',
      'core.purgeTo = Math.max(core.purgeTo, purgeTo);',
    ],
    ['S19', 'S26'],
  ),
  planted(
    'older-snapshot-counts-as-built',
    'purge.ts',
    ['if (lastLogId.index <= core.snapshot.index) return;', ''],
    ['S26'],
  ),
  planted(
    'purge-of-what-is-being-read',
    'purge.ts',
    [stillNeeded, 'for (const call of [snapshotCall]) {'],
    ['S19'],
  ),
  planted(
    'purge-behind-a-snapshot-under-way',
    'purge.ts',
    [stillNeeded, 'for (const call of [sending]) {'],
    ['S19'],
  ),
  planted(
    'heartbeat-below-the-purged-end',
    'replication.ts',
    [
      'const at = Math.max(progress.matchIndex, core.log.purged.index);',
      'const at = progress.matchIndex;',
    ],
    ['S26'],
  ),
  planted(
    'entries-from-below-the-purged-end',
    'replication.ts',
    ['if (progress.nextIndex <= core.log.purged.index) {', 'if (false) {'],
    ['S26'],
  ),
  planted(
    'hint-below-the-purged-end-is-probed',
    answersFile,
    ['if (place < core.log.purged.index) return place;', ''],
    ['S24', 'E1'],
  ),
  planted(
    'snapshot-state-ends-by-what-was-sent',
    answersFile,
    [
      'if (progress.matchIndex >= core.log.purged.index) progress.replicateOn();',
      'if (progress.matchIndex > core.snapshot.index) progress.replicateOn();',
    ],
    ['S26', 'E1'],
  ),
  planted(
    'silent-follower-gets-no-second-snapshot',
    answersFile,
    ["else if (made.kind === 'snapshot') progress.snapshotCall = undefined;", ''],
    ['S26', 'E1'],
  ),
];

/** Bugs in building, sending and installing snapshots, and in purging the log behind them. */
export const snapshotMutants: readonly Mutant[] = [...installMutants, ...purgeMutants];
