import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type BackupHead, encodeHead, frameHeadBytes, mostFrameBytes } from './format.ts';

/** A backup file, as chunks that are made while they are read. `content`: a store's snapshot. */
export async function* encodeBackup(
  head: BackupHead,
  content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const sha = createHash('sha256');
  const { bytes, seal } = encodeHead(head);
  sha.update(bytes);
  yield bytes;
  let [frames, contentBytes, checksum] = [0, 0, 0];
  for await (const chunk of content) {
    for (let at = 0; at < chunk.length; at += mostFrameBytes) {
      const part = chunk.subarray(at, at + mostFrameBytes);
      checksum = crc32(part, checksum);
      frames += 1;
      contentBytes += part.length;
      const frame = Buffer.allocUnsafeSlow(frameHeadBytes + part.length);
      frame.writeUInt32LE(part.length, 0);
      frame.writeUInt32LE((checksum ^ seal) >>> 0, 4);
      frame.set(part, frameHeadBytes);
      sha.update(frame);
      yield frame;
    }
  }
  const end = Buffer.alloc(16);
  end.writeUInt32LE(frames, 4);
  end.writeBigUInt64LE(BigInt(contentBytes), 8);
  sha.update(end);
  yield Buffer.concat([end, sha.digest()]);
}
