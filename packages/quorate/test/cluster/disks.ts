import type { LogIndex } from '../../src/core/types.ts';
import { GatedStore } from '../node/gated-store.ts';

/** Returns a copy of a disk, up to entry `last`: a backup, or a disk that lost its end. */
export async function copyOf(disk: GatedStore, last: LogIndex = Infinity): Promise<GatedStore> {
  const copy = new GatedStore();
  const identity = await disk.readIdentity();
  const vote = await disk.readVote();
  const ends = await disk.state();
  const end = Math.min(ends.last.index, last);
  if (identity !== undefined) await copy.saveIdentity(identity);
  if (vote !== undefined) await copy.saveVote(vote);
  if (end > 0) await copy.append(await disk.read(1, end + 1));
  return copy;
}
