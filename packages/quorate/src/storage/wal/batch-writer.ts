import { align, batchHeadBytes, recordHeadBytes, viewOf, writeBatchHead } from './format.ts';
import type { WalRecord } from './records.ts';

/** What one batch is made of. */
export interface Batch {
  readonly salt: number;
  readonly number: number;
  readonly records: readonly WalRecord[];
}

/** Kept between batches at the most; one that is larger gets a buffer of its own. */
const maxKeptBytes = 1024 * 1024 + 4096;

/** Puts batches into bytes. The bytes are good until the next batch: writes never overlap. */
export class BatchWriter {
  #kept: Uint8Array = new Uint8Array(0);

  /** Bytes that a batch of these records takes in its segment. */
  static sizeOf(records: readonly WalRecord[]): number {
    let size = batchHeadBytes;
    for (const record of records) size += recordHeadBytes + record.size;
    return align(size);
  }

  encode({ salt, number, records }: Batch): Uint8Array {
    const size = BatchWriter.sizeOf(records);
    const bytes = this.#bufferOf(size);
    const view = viewOf(bytes);
    let offset = batchHeadBytes;
    for (const record of records) {
      view.setUint32(offset, record.size, true);
      view.setUint32(offset + 4, record.tag, true);
      record.write(bytes, view, offset + recordHeadBytes);
      offset += recordHeadBytes + record.size;
    }
    const length = offset - batchHeadBytes;
    bytes.fill(0, offset);
    writeBatchHead(bytes, view, { salt, number, length });
    return bytes;
  }

  /** The kept buffer grows by doubling: most stores never write much at once. */
  #bufferOf(size: number): Uint8Array {
    if (size > maxKeptBytes) return new Uint8Array(size);
    if (size > this.#kept.length) {
      this.#kept = new Uint8Array(Math.min(maxKeptBytes, Math.max(4096, 2 * size)));
    }
    return this.#kept.subarray(0, size);
  }
}
