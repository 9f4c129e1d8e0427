import { DigestSum } from '../store/digest.ts';
import type { LeaseId, Revision } from '../types.ts';
import { decodeNumbers, encodeNumbers } from './rows.ts';

/** What the state knows of itself beside its rows. */
export interface StateNumbers {
  readonly revision: Revision;
  readonly compactedRevision: Revision;
  /** Of all live pairs. */
  readonly digests: DigestSum;
  /** The store chooses no lease id below it. */
  readonly nextId: LeaseId;
  readonly nextPlace: number;
}

/** Of the rows; one that does not know them must not read them. */
const formatVersion = 1;

export function encodeStateNumbers(numbers: StateNumbers): Buffer {
  const { revision, compactedRevision, digests, nextId, nextPlace } = numbers;
  const halves = [digests.low >>> 0, digests.high >>> 0];
  return encodeNumbers([formatVersion, revision, compactedRevision, ...halves, nextId, nextPlace]);
}

/** @throws {RangeError} that says what is wrong with them. */
export function decodeStateNumbers(bytes: Uint8Array): StateNumbers {
  const [version, ...numbers] = decodeNumbers(bytes);
  if (version !== formatVersion) {
    throw new RangeError(`Its rows have version ${version}, and only ${formatVersion} is known.`);
  }
  const [revision, compactedRevision, low, high, nextId, nextPlace] = numbers;
  if (
    revision === undefined ||
    compactedRevision === undefined ||
    low === undefined ||
    high === undefined ||
    nextId === undefined ||
    nextPlace === undefined ||
    compactedRevision > revision
  ) {
    throw new RangeError(`Its numbers are ${numbers.join(', ')}, which cannot be.`);
  }
  const digests = new DigestSum(low | 0, high | 0);
  return { revision, compactedRevision, digests, nextId, nextPlace };
}
