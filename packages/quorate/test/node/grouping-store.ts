import type { LogWrite } from '../../src/contract/log-store.ts';
import { MemoryLogStore } from '../../src/storage/memory/log-store.ts';

/** Takes several parts in one call, and refuses the single calls that should have been that one. */
export class GroupingStore extends MemoryLogStore {
  async write({ identity, vote, truncate, append }: LogWrite): Promise<void> {
    if (identity !== undefined) await super.saveIdentity(identity);
    if (vote !== undefined) await super.saveVote(vote);
    if (truncate !== undefined) await super.truncate(truncate);
    if (append !== undefined) await super.append(append);
  }

  override saveIdentity(): Promise<void> {
    return Promise.reject(new Error('An identity came alone.'));
  }

  override saveVote(): Promise<void> {
    return Promise.reject(new Error('A vote came alone.'));
  }

  override truncate(): Promise<void> {
    return Promise.reject(new Error('A truncation came alone.'));
  }
}
