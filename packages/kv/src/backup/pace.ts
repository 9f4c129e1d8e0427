import type { Runtime } from 'quorate';
import { pause } from '../pause.ts';

interface PaceOptions {
  readonly runtime: Pick<Runtime, 'now' | 'setTimer'>;
  readonly signal: AbortSignal;
}

/** The same chunks, no faster than so many bytes in a second; aborting ends them at once. */
export async function* pacedChunks(
  chunks: AsyncIterable<Uint8Array>,
  bytesPerSecond: number,
  { runtime, signal }: PaceOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const began = runtime.now();
  let bytes = 0;
  for await (const chunk of chunks) {
    yield chunk;
    bytes += chunk.length;
    const aheadMs = (bytes / bytesPerSecond) * 1000 - (runtime.now() - began);
    if (aheadMs < 1) continue;
    await pause(runtime, aheadMs, signal);
    signal.throwIfAborted();
  }
}
