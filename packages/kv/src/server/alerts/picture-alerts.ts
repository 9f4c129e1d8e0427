import type { RaftMetrics } from 'quorate';
import type { KvAlert } from '../../types.ts';
import { alertOf } from './kinds.ts';

/** A disk that owes an answer for longer is worth a word, in milliseconds. */
const silentDiskMs = 1000;

/** What a node says of itself. */
export function alertsOfPicture(picture: RaftMetrics): readonly KvAlert[] {
  const { id, fatal, quarantine, snapshotFailure, diskSilentMs, leader, isRunning } = picture;
  const alerts: KvAlert[] = [];
  if (fatal !== undefined) alerts.push(alertOf('failed', id, fatal.message));
  if (quarantine !== undefined) alerts.push(alertOf('quarantined', id, quarantine));
  if (snapshotFailure !== undefined) {
    const message = `No snapshot could be built, and the log grows: ${snapshotFailure}`;
    alerts.push(alertOf('snapshot-fails', id, message));
  }
  if (diskSilentMs > silentDiskMs) {
    const message = `The disk has not answered for ${Math.round(diskSilentMs)} ms.`;
    alerts.push(alertOf('slow-disk', id, message));
  }
  if (isRunning && leader === undefined) {
    alerts.push(alertOf('no-leader', id, 'No leader is known.'));
  }
  return alerts;
}
