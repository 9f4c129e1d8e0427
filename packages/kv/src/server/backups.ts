import { type Logger, nodeRuntime } from 'quorate';
import { openPlace } from '../backup/places/open-place.ts';
import { Backups } from '../backup/schedule.ts';
import type { BackupConfig } from './config/backup-config.ts';
import type { KvMember } from './member.ts';

/**
 * Makes backups of a member from now on, beside everything else that it does.
 *
 * @throws {Error} if the place wants a package that is not installed.
 */
export async function startBackups(
  { policy, place, bytesPerSecond }: BackupConfig,
  member: KvMember,
  { logger }: { readonly logger: Logger },
): Promise<Backups> {
  const { raft, alerts } = member;
  return new Backups({
    policy,
    place: await openPlace(place),
    runtime: nodeRuntime,
    logger,
    member: member.name,
    wallClock: Date.now,
    look: () => {
      const { membership, role } = raft.metrics;
      const { cluster } = membership;
      return { cluster: cluster === '' ? undefined : cluster, leads: role === 'leader' };
    },
    bytesPerSecond,
    freeze: (signal) => member.freeze({ signal, bytesPerSecond }),
    report: (problem) => {
      if (problem === undefined) alerts.clear('backup-fails');
      else alerts.report('backup-fails', problem);
    },
  });
}
