import type { KvStatus, MemberReport } from '../../client.ts';
import type { AlertSeverity, KvAlert } from '../../types.ts';
import { hostPort } from './member-words.ts';

/** Something that is wrong with the cluster, and what to do about it. */
export interface Finding {
  readonly severity: AlertSeverity;
  readonly message: string;
  readonly advice: string;
}

/** What the members say, put together. */
export interface ClusterPicture {
  readonly reports: readonly MemberReport[];
  /** Who leads, by the newest term that was told. */
  readonly leading: KvStatus | undefined;
  /** Who is no member any more. */
  readonly removed: readonly string[];
  /** The last entry that anybody has. */
  readonly lastLogIndex: number;
  readonly findings: readonly Finding[];
}

export function pictureOf(reports: readonly MemberReport[]): ClusterPicture {
  const statuses = reports.flatMap(({ status }) => (status === undefined ? [] : [status]));
  const leading = statuses
    .filter(({ role }) => role === 'leader')
    .sort((a, b) => b.term - a.term)
    .at(0);
  const removed = removedOnes(statuses, leading);
  const present = statuses.filter((status) => !removed.includes(status));
  return {
    reports,
    leading,
    removed: removed.map(({ member }) => member),
    lastLogIndex: Math.max(0, ...statuses.map((status) => status.lastLogIndex)),
    findings: [
      ...silentOnes(reports),
      ...strangers(statuses),
      ...withoutLeader(present, leading),
      ...toldBy(present),
      ...removed.map(({ member }) => removedFinding(member)),
    ],
  };
}

/** Those that were taken out of the cluster and run on; what they say of it counts no more. */
function removedOnes(
  statuses: readonly KvStatus[],
  leading: KvStatus | undefined,
): readonly KvStatus[] {
  if (leading === undefined) return [];
  const members = new Set(leading.members.map(({ id }) => id));
  return statuses.filter(
    ({ member, cluster }) => cluster === leading.cluster && !members.has(member),
  );
}

function removedFinding(member: string): Finding {
  const message = `${member} was removed from the cluster, and still runs.`;
  const advice = 'Stop its process, and name it as an endpoint no more.';
  return { severity: 'warning', message, advice };
}

/** What needs somebody, and not only somebody's knowledge. */
export function isWrong({ severity }: Pick<Finding, 'severity'>): boolean {
  return severity !== 'info';
}

/** A member leads, each of them serves, and nobody need do anything. */
export function isWell(picture: ClusterPicture): boolean {
  const { reports, leading, findings } = picture;
  if (leading === undefined || findings.some(isWrong)) return false;
  return reports.every((one) => healthOf(one, picture) === 'well');
}

/** Entries that a member has not applied yet, of those that anybody has. */
export function lagOf({ lastLogIndex }: ClusterPicture, { applied }: KvStatus): number {
  return Math.max(0, lastLogIndex - applied);
}

function silentOnes(reports: readonly MemberReport[]): readonly Finding[] {
  return reports.flatMap(({ id, address = '', error }) => {
    if (error === undefined) return [];
    const where = hostPort(address);
    if (id === undefined) {
      const message = `Nobody answers at ${where}: ${error.message}`;
      return [{ severity: 'error', message, advice: 'Give the address of a member.' } as const];
    }
    const message = `${id} does not answer${where === '' ? '' : ` at ${where}`}: ${error.message}`;
    const advice = `Start it again; if its disk is lost: quorate member replace ${id} --with NEW ADDRESS`;
    return [{ severity: 'error', message, advice } as const];
  });
}

/** Addresses of two clusters are easily mixed up. */
function strangers(statuses: readonly KvStatus[]): readonly Finding[] {
  const clusters = new Map<string, string[]>();
  for (const { cluster, member } of statuses) {
    if (cluster === undefined) continue;
    clusters.set(cluster, [...(clusters.get(cluster) ?? []), member]);
  }
  if (clusters.size < 2) return [];
  const all = [...clusters].map(([id, members]) => `${members.join(', ')} to ${id}`).join('; ');
  const message = `These members belong to different clusters: ${all}.`;
  return [{ severity: 'error', message, advice: 'Name the members of one cluster only.' }];
}

function withoutLeader(
  statuses: readonly KvStatus[],
  leading: KvStatus | undefined,
): readonly Finding[] {
  if (leading !== undefined || statuses.length === 0) return [];
  if (statuses.some(({ leader }) => leader !== undefined)) return [];
  const [{ members } = { members: [] }] = statuses;
  const voters = members.filter(({ role }) => role === 'voter').length;
  const needed = Math.floor(voters / 2) + 1;
  const message = 'No member leads: nothing can be written, and reads must be --serializable.';
  const advice =
    voters === 0
      ? 'See that most of the members that --peers names run.'
      : `Start members until ${needed} of the ${voters} voters run and reach each other.`;
  return [{ severity: 'error', message, advice }];
}

const severities: readonly AlertSeverity[] = ['error', 'warning', 'info'];

/** What members tell of themselves and of each other, each thing once. */
function toldBy(statuses: readonly KvStatus[]): readonly Finding[] {
  const alerts = new Map<string, KvAlert>();
  const findings: Finding[] = [];
  for (const { member, alerts: told = [], problems, isServing, role } of statuses) {
    for (const alert of told) {
      const place = `${alert.code} ${alert.member}`;
      // Whoever it is about knows it best.
      if (!alerts.has(place) || alert.member === member) alerts.set(place, alert);
    }
    if (told.some(isWrong)) continue;
    // A member of an older version has only this to say.
    for (const problem of problems) {
      const advice = `See the log of ${member}.`;
      findings.push({ severity: 'error', message: `${member}: ${problem}`, advice });
    }
    if (isServing || problems.length > 0 || role === 'starting') continue;
    const advice = 'Wait for it, or see its log.';
    findings.push({ severity: 'error', message: `${member} is out of service.`, advice });
  }
  const told = [...alerts.values()].map(({ severity, member, message, advice }) => ({
    severity,
    message: names(message, member) ? message : `${member}: ${message}`,
    advice,
  }));
  return [...told, ...findings].sort(
    (a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity),
  );
}

/** As a word of its own: a name may be a letter, and a point may end the sentence behind it. */
function names(message: string, member: string): boolean {
  const words = message.split(/[^A-Za-z0-9._-]+/);
  return words.some((word) => word === member || word === `${member}.`);
}

/** In a word or two, for a cell of a table. */
export function healthOf(
  { status, error }: MemberReport,
  { removed }: Pick<ClusterPicture, 'removed'>,
): string {
  if (status !== undefined && removed.includes(status.member)) return 'removed';
  if (status === undefined) return error === undefined ? 'unknown' : 'no answer';
  if (status.role === 'starting') return 'starting';
  if (!status.isServing) return 'out of service';
  const wrong = (status.alerts ?? []).filter(
    (alert) => alert.member === status.member && isWrong(alert),
  );
  if (wrong.length > 0) return [...new Set(wrong.map(({ code }) => code))].join(', ');
  return status.problems.length > 0 ? 'see below' : 'well';
}
