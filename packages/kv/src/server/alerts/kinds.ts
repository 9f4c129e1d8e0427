import type { AlertSeverity, KvAlert, KvAlertCode } from '../../types.ts';

export interface AlertKind {
  /** Unless the one who raises it knows better. */
  readonly severity: AlertSeverity;
  /** What it means, in a sentence. */
  readonly means: string;
  /** What to do about it, in a sentence or two. */
  readonly advice: string;
}

/** The one table of alerts: members raise them by it, and the docs show it. Gravest first. */
export const alertKinds: Readonly<Record<KvAlertCode, AlertKind>> = {
  failed: {
    severity: 'error',
    means: 'The node has stopped by itself: its disk or its state machine failed.',
    advice: 'Mend what the message names and start the member again, or replace it.',
  },
  quarantined: {
    severity: 'error',
    means: 'The member takes no part: its disk is not the one that the others know.',
    advice: 'Do what the message says, or replace the member.',
  },
  'state-differs': {
    severity: 'error',
    means: 'A member has another state than the others at the same place of the log.',
    advice: 'Replace the member, and keep its data for an inquiry.',
  },
  'not-formed': {
    severity: 'warning',
    means: 'The cluster is not formed yet.',
    advice: 'Start the members that the message names, and see that they reach each other.',
  },
  'writes-refused': {
    severity: 'error',
    means: 'The leader refuses writes, since its own disk or those of most are low.',
    advice: 'Make room on the disks that the message names; writes are taken again by themselves.',
  },
  'disk-full': {
    severity: 'error',
    means: 'The log hardly finds room for its next file; the member would fail without it.',
    advice: 'Make room at once: remove what is not of this member, or enlarge the volume.',
  },
  'disk-low': {
    severity: 'warning',
    means: 'Less is free than `disk.lowBytes`.',
    advice: 'Remove what is not of this member, enlarge the volume, or delete keys and compact.',
  },
  'disk-unknown': {
    severity: 'warning',
    means: 'The system does not say how much room the disk has.',
    advice: 'See whether the data directory is there, and mounted.',
  },
  'slow-disk': {
    severity: 'warning',
    means: 'Writes to the disk take long, or one has had no answer for more than a second.',
    advice: 'See what else uses the disk, and whether it reports errors; use a faster one.',
  },
  'no-leader': {
    severity: 'error',
    means: 'The member knows of no leader, so it takes no writes and no linearizable reads.',
    advice: 'See that most of the voters run, and reach each other at their peer addresses.',
  },
  'member-silent': {
    severity: 'error',
    means: 'A member has not answered the leader for some seconds.',
    advice: 'Start it, or mend its network; if its disk is lost, replace it.',
  },
  'slow-member': {
    severity: 'warning',
    means: 'A voter answers, and lags behind the leader by much for long.',
    advice: 'Look at its disk, its processor and its network; it cannot help to a quorum so.',
  },
  'learner-behind': {
    severity: 'warning',
    means: 'A learner lags behind by much for long, so it cannot be made a voter.',
    advice: 'Look at its disk and its network, or write less until it has caught up.',
  },
  'snapshot-fails': {
    severity: 'error',
    means: 'No snapshot could be built, so the log is not shortened.',
    advice: 'Mend what the message names, mostly the room on the disk; it is tried again.',
  },
  'backup-fails': {
    severity: 'error',
    means: 'The last scheduled backup failed.',
    advice: 'Mend what the message names; the next one is made at its time.',
  },
  certificate: {
    severity: 'warning',
    means: 'A certificate in use expires within 14 days, or has expired.',
    advice: 'Renew the files, and let each member read them anew: `systemctl reload quorate`.',
  },
  'clock-jump': {
    severity: 'info',
    means: 'The wall clock was set, or the machine slept. Nothing in the cluster goes by it.',
    advice: 'See that the machine keeps its time by NTP, so that logs can be compared.',
  },
  'clock-differs': {
    severity: 'warning',
    means: 'The wall clock of a member differs from the leader’s by more than a second.',
    advice: 'See that all machines keep their time by NTP; certificates and logs go by it.',
  },
  'versions-differ': {
    severity: 'info',
    means: 'A member runs another version than the leader.',
    advice: 'Finish the upgrade: start the others again with the new version, one by one.',
  },
};

/** An alert of a kind. */
export function alertOf(
  code: KvAlertCode,
  member: string,
  message: string,
  more: { readonly severity?: AlertSeverity; readonly advice?: string } = {},
): KvAlert {
  const { severity, advice } = alertKinds[code];
  return { code, severity, member, message, advice, ...more };
}

const ranks: Readonly<Record<AlertSeverity, number>> = { error: 0, warning: 1, info: 2 };
const codes = Object.keys(alertKinds);

/** Gravest first, then in the order of the table, then by member. */
export function compareAlerts(a: KvAlert, b: KvAlert): number {
  return (
    ranks[a.severity] - ranks[b.severity] ||
    codes.indexOf(a.code) - codes.indexOf(b.code) ||
    (a.member < b.member ? -1 : Number(a.member > b.member))
  );
}

/** What names an alert: of the same code and member there is one at a time. */
export function keyOf({ code, member }: Pick<KvAlert, 'code' | 'member'>): string {
  return `${code} ${member}`;
}
