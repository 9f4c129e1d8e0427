const names = [
  'electionsWon',
  'electionsLost',
  'preVoteRounds',
  'leadersUnseatedByTerm',
  'leadersWithoutQuorum',
  'votesHeldAndRefused',
  'entriesCommitted',
  'olderTermEntriesCommitted',
  'lateCommitsOfOlderLeaders',
  'conflictsTruncated',
  'membershipsRolledBack',
  'appendsRefused',
  'repairsAfterRefusal',
  'learnersAdded',
  'jointChangesBegun',
  'jointChangesCompleted',
  'leadersRemoved',
  'changesRefused',
  'readsConfirmed',
  'readsRefused',
  'readsByLease',
  'readsOnOlderLeaders',
  'leasesNotHeld',
  'readsOnFollowers',
  'commitsByReadAnswer',
  'transfersBegun',
  'transfersDone',
  'transfersFailed',
  'transfersRefused',
  'proposalsDuringTransfer',
  'campaignsByTransfer',
  'staleTimeoutNows',
  'disksLost',
  'leadersQuarantined',
  'votesAskedInQuarantine',
  'entriesTakenInQuarantine',
  'crashes',
  'crashesWithPartialWrite',
  'restarts',
  'messagesLost',
  'messagesDuplicated',
  'oldMessagesReplayed',
  'partitions',
  'callsUnanswered',
  'sentReportedLate',
  'committedAheadOfDisk',
  'snapshotsBuilt',
  'purges',
  'purgesPutOff',
  'snapshotsSent',
  'snapshotsNotNeeded',
  'snapshotsBroken',
  'snapshotsOvertaken',
  'snapshotsReceivedInNewerTerm',
  'snapshotsInstalled',
  'installsKeepingRest',
  'installsPastTheLog',
  'installsOverConflict',
  'installsWhileApplying',
  'installsWhileRestoring',
  'restoresWhileLeading',
  'rolesChangedBySnapshot',
  'campaignsEndedBySnapshot',
  'snapshotStatesEndedByEntries',
  'heartbeatsAtThePurgedEnd',
  'restartsFromSnapshot',
  'restartsFromSnapshotAhead',
  'restartsFromSnapshotInConflict',
  'tailsWithSnapshot',
  'tailsHealed',
] as const;

export type Mark = (typeof names)[number];

/** How often each rare thing happened. A mark that stays at zero means that nothing was tested. */
export type Marks = Record<Mark, number>;

export function newMarks(): Marks {
  return Object.fromEntries(names.map((name) => [name, 0])) as Marks;
}

export function addMarks(total: Marks, more: Readonly<Marks>): void {
  for (const name of names) total[name] += more[name];
}

export function markLines(marks: Readonly<Marks>): string[] {
  return names.map((name) => `  ${name.padEnd(28)}${marks[name].toString().padStart(10)}`);
}

export function marksNeverMet(marks: Readonly<Marks>): Mark[] {
  return names.filter((name) => marks[name] === 0);
}
