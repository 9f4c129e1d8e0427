import type { PlaceOptions } from '../../backup/places/open-place.ts';
import type { BackupPolicy } from '../../backup/schedule.ts';
import type { Settings } from './settings.ts';

/** Which backups a member makes. */
export interface BackupConfig {
  readonly policy: BackupPolicy;
  readonly place: PlaceOptions;
  readonly bytesPerSecond: number;
}

const defaultKeep = 24;
const defaultBytesPerSecond = 32 * 1024 * 1024;
const names = ['every', 'keep', 'dir', 'by', 'bytesPerSecond'];
const s3Names = ['bucket', 'prefix', 'endpoint', 'region', 'forcePathStyle'];

/** Notes what contradicts itself, or is absent. */
export function checkBackup(settings: Settings): void {
  const { problems } = settings;
  const all = [...names, ...s3Names.map((name) => `s3.${name}`)];
  const set = all.flatMap((name) => settings.get(`backup.${name}`) ?? []);
  const [any] = set;
  if (any === undefined) return;
  if (settings.get('backup.every') === undefined) {
    problems.push(`${any.place}: no backups are made without backup.every; give it too, as 1h.`);
    return;
  }
  const [dir, bucket] = [settings.get('backup.dir'), settings.get('backup.s3.bucket')];
  if (dir !== undefined && bucket !== undefined) {
    problems.push(`${bucket.place}: backups have one place; give it or backup.dir.`);
  }
  if (dir === undefined && bucket === undefined) {
    problems.push(`${any.place}: backups want a place; give backup.dir or backup.s3.bucket.`);
  }
}

/** The part of settings that have no problem. */
export function backupOf(settings: Settings): BackupConfig | undefined {
  const value = (name: string): unknown => settings.get(`backup.${name}`)?.value;
  const everyMs = value('every') as number | undefined;
  if (everyMs === undefined) return undefined;
  return {
    policy: {
      everyMs,
      keep: (value('keep') as number | undefined) ?? defaultKeep,
      by: (value('by') as BackupPolicy['by'] | undefined) ?? 'each',
    },
    place: placeOf(value),
    bytesPerSecond: (value('bytesPerSecond') as number | undefined) ?? defaultBytesPerSecond,
  };
}

function placeOf(value: (name: string) => unknown): PlaceOptions {
  const directory = value('dir') as string | undefined;
  if (directory !== undefined) return { directory };
  return {
    s3: {
      bucket: value('s3.bucket') as string,
      prefix: value('s3.prefix') as string | undefined,
      endpoint: value('s3.endpoint') as string | undefined,
      region: value('s3.region') as string | undefined,
      forcePathStyle: value('s3.forcePathStyle') as boolean | undefined,
    },
  };
}
