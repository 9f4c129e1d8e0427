import type { ByteString } from '../bytes.ts';
import type { Revision } from '../types.ts';
import type { Cursor } from './cursor.ts';
import { decodeVersion, keyOfLiveRow, keyOfVersionRow } from './rows.ts';
import type { Look } from './source.ts';
import { isLive, type Version } from './version.ts';

/** Live rows and rows of older versions of the same keys, in the same direction. */
export interface VersionCursors {
  readonly live: Cursor;
  readonly past: Cursor;
}

/** Shows what the keys were at a revision, in their order, until `look` has enough. */
export async function visitPast(
  { live, past }: VersionCursors,
  at: Revision,
  look: Look,
  { isDown }: { readonly isDown: boolean },
): Promise<void> {
  for (;;) {
    if (live.needsLoad) await live.load();
    if (past.needsLoad) await past.load();
    const key = nextKey(keyAt(live, keyOfLiveRow), keyAt(past, keyOfVersionRow), isDown);
    if (key === undefined) return;
    let found: Version | undefined;
    if (keyAt(live, keyOfLiveRow) === key) {
      const newest = decodeVersion(key, live.entry?.[1] as Uint8Array);
      if (newest.modRevision <= at) found = newest;
      live.next();
    }
    const older = await versionIn(past, { key, at, isDown });
    found ??= older;
    if (isLive(found) && !look(found)) return;
  }
}

/** Goes past all rows of the key, and returns the newest version of them that is not too new. */
async function versionIn(
  past: Cursor,
  {
    key,
    at,
    isDown,
  }: { readonly key: ByteString; readonly at: Revision; readonly isDown: boolean },
): Promise<Version | undefined> {
  let found: Version | undefined;
  for (;;) {
    if (past.needsLoad) await past.load();
    if (keyAt(past, keyOfVersionRow) !== key) return found;
    // The newest comes first, or last on the way down.
    if (found === undefined || isDown) {
      const version = decodeVersion(key, past.entry?.[1] as Uint8Array);
      if (version.modRevision <= at) found = version;
    }
    past.next();
  }
}

function keyAt({ entry }: Cursor, keyOf: (row: Uint8Array) => ByteString): ByteString | undefined {
  return entry === undefined ? undefined : keyOf(entry[0]);
}

function nextKey(
  one: ByteString | undefined,
  other: ByteString | undefined,
  isDown: boolean,
): ByteString | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one < other === isDown ? other : one;
}
