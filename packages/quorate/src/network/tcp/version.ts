/*
 * Versions of the messages. Frames and the handshake are the same in all of them: each side says in
 * its hello which it knows, and the highest that both know is spoken.
 */

export interface VersionRange {
  readonly minVersion: number;
  readonly maxVersion: number;
}

/** What this release can speak. */
export const wireVersions: VersionRange = { minVersion: 1, maxVersion: 1 };

/** The highest version that both know, or `undefined` if there is none. */
export function commonVersion(own: VersionRange, other: VersionRange): number | undefined {
  const highest = Math.min(own.maxVersion, other.maxVersion);
  return highest >= Math.max(own.minVersion, other.minVersion) ? highest : undefined;
}
