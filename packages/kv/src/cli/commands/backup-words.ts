import type { VerifiedBackup } from '../../backup/verify.ts';
import { counted } from '../output.ts';
import { bytesText } from '../progress.ts';

/** For programs. */
export function summaryOf({ head, whole, content }: VerifiedBackup): object {
  const { keys, leases, compactedRevision } = content;
  const { bytes, checksum } = whole;
  return { ...head, compactedRevision, keys, leases, bytes, checksum };
}

/** How much is in a store. */
export function contentOf({
  keys,
  leases,
}: {
  readonly keys: number;
  readonly leases: number;
}): string {
  return `${counted(keys, 'key')}, ${counted(leases, 'lease')}`;
}

/** For people. */
export function sentenceOf({ head, whole, content }: VerifiedBackup): string {
  const { revision, hash, member, createdAt } = head;
  const size = bytesText(whole.bytes);
  return `revision ${revision}, ${contentOf(content)}, ${size}, hash ${hash}; made by ${member} at ${createdAt}`;
}
