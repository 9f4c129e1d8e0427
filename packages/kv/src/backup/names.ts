import { type BackupHead, fileEnding } from './format.ts';

/** What the name of a backup tells; its head tells more. */
export interface BackupName {
  readonly name: string;
  /** The beginning of the cluster's id. */
  readonly cluster: string;
  readonly member: string;
  /** When it was made, by the clock of the member. */
  readonly at: Date;
  readonly revision: number;
}

const pattern = /^([A-Za-z0-9]{1,8})\.(.+)\.(\d{8})T(\d{6})(\d{3})Z\.r(\d+)\.qkvb$/;

/** `d3b07384.a.20260301T120000000Z.r4711.qkvb`; names of one member sort by their time. */
export function nameOf({
  cluster,
  member,
  createdAt,
  revision,
}: Pick<BackupHead, 'cluster' | 'member' | 'createdAt' | 'revision'>): string {
  const at = new Date(createdAt).toISOString().replaceAll(/[-:.]/g, '');
  return `${shortCluster(cluster)}.${member}.${at}.r${revision}${fileEnding}`;
}

export function shortCluster(cluster: string): string {
  return cluster.replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 8);
}

/** What a name says, or `undefined` if it is none of a backup. */
export function readName(name: string): BackupName | undefined {
  const [, cluster, member, day, time, ms, digits] = pattern.exec(name) ?? [];
  if (cluster === undefined || member === undefined || day === undefined) return undefined;
  const date = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`;
  const clock = `${time?.slice(0, 2)}:${time?.slice(2, 4)}:${time?.slice(4)}`;
  const at = new Date(`${date}T${clock}.${ms}Z`);
  if (Number.isNaN(at.getTime())) return undefined;
  return { name, cluster, member, at, revision: Number(digits) };
}
