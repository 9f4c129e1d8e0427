import { ChannelError, type ChannelHandler } from 'quorate/network/tcp';
import { errorOf } from '../../protocol/failures.ts';
import { decodeSnapshotRequest } from '../../protocol/snapshots.ts';
import type { KvService } from '../service.ts';

/** Answers with the whole state as a backup file, on the channel `snapshotChannelName`. */
export function snapshotHandler(service: KvService): ChannelHandler {
  return {
    async *stream(request, { signal }) {
      try {
        const { serializable } = decodeSnapshotRequest(request);
        yield* service.snapshot({ signal, serializable });
      } catch (error) {
        const { code, message, details } = errorOf(error);
        throw new ChannelError(code, message, { details, cause: error });
      }
    },
  };
}
