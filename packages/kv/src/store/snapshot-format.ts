/*
 * A snapshot's content is frames: u32 length and u32 crc32 of the body, then the body. A body is
 * records one after the other, none of them in two frames. A record is a tag and its fields. Whole
 * numbers are varints: seven bits in each byte, the lowest first, with 128 in all but the last.
 *
 *     head     "QKVS", version, revision, compacted revision, next lease id      first of all
 *     lease    id, ttl, index of the entry that granted it        in the order of their grants
 *     key      length, bytes                                      in the order of the keys
 *     put      mod revision, create revision, version, lease, length, bytes of the value
 *     delete   mod revision
 *     order    revision, runs, then for each run: first place, count
 *     end      leases, keys, puts and deletes, hash (16 characters)              last of all
 *
 * Puts and deletes belong to the key before them, the newest first. Those of one revision happened
 * in the order of their keys unless there is an `order`: it has their places among those keys, in
 * runs that count up by one, in the order in which they happened.
 *
 * Version 1 has no indexes of entries in its leases; they are read as 0, which is not known.
 */

export const magic = 'QKVS';
export const formatVersion = 2;
export const oldestFormatVersion = 1;

export const tags = {
  head: 1,
  lease: 2,
  key: 3,
  put: 4,
  delete: 5,
  order: 6,
  end: 7,
} as const;

/** The length and the checksum in front of a body. */
export const frameHeadBytes = 8;
/** A frame is closed once it is as long. */
export const wantedFrameBytes: number = 64 * 1024;
/** No frame is longer, so that a damaged length is not waited for. */
export const mostFrameBytes: number = 512 * 1024 * 1024;

export const hashCharacters = 16;

/** What a snapshot is a copy of; counted while it is written and while it is read. */
export interface Counts {
  leases: number;
  keys: number;
  versions: number;
}
