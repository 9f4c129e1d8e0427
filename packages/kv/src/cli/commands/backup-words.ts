import type { VerifiedBackup } from '../../backup/verify.ts';
import { bytesText } from '../progress.ts';

/** For programs. */
export function summaryOf({ head, whole, content }: VerifiedBackup): object {
  const { keys, leases, compactedRevision } = content;
  const { bytes, checksum } = whole;
  return { ...head, compactedRevision, keys, leases, bytes, checksum };
}

/** For people. */
export function sentenceOf({ head, whole, content }: VerifiedBackup): string {
  const { revision, hash, member, createdAt } = head;
  const { keys, leases } = content;
  const size = bytesText(whole.bytes);
  return `revision ${revision}, ${keys} keys, ${leases} leases, ${size}, hash ${hash}; made by ${member} at ${createdAt}`;
}
