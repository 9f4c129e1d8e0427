import type { ServerResponse } from 'node:http';
import type { Runtime } from 'quorate';
import { type Call, isSet } from './call.ts';

interface SnapshotStreamOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** The answer is asked for without its body. */
  readonly isHead: boolean;
  /** Who has not taken what was sent for so long is gone. */
  readonly stallMs: number;
  readonly runtime: Runtime;
}

/**
 * Answers with the whole state as a backup file. One that breaks off closes the connection in the
 * middle, so that no client takes it for whole.
 *
 * @throws {KvError} what it is refused with, before anything is written or in the middle.
 */
export async function streamSnapshot(
  call: Call,
  response: ServerResponse,
  { headers, isHead, stallMs, runtime }: SnapshotStreamOptions,
): Promise<void> {
  const begin = (): void => {
    response.writeHead(200, {
      ...headers,
      'Content-Type': 'application/octet-stream',
      'Content-Disposition': 'attachment; filename="quorate.qkvb"',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    });
  };
  if (isHead) {
    begin();
    response.end();
    return;
  }
  const { service, signal } = call;
  const serializable = isSet(call, 'serializable');
  for await (const chunk of service.snapshot({ signal, serializable })) {
    if (!response.headersSent) begin();
    if (!response.write(chunk)) await drained(response, { stallMs, runtime });
    signal.throwIfAborted();
  }
  response.end();
}

/** Resolves when there is room again, or nobody to write to any more. */
function drained(
  response: ServerResponse,
  { stallMs, runtime }: Pick<SnapshotStreamOptions, 'stallMs' | 'runtime'>,
): Promise<void> {
  return new Promise((resolve) => {
    const timer = runtime.setTimer(() => response.destroy(), stallMs);
    const done = (): void => {
      timer.cancel();
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
    if (response.destroyed) done();
  });
}
