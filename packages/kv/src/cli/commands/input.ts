import { addAbortSignal, type Readable } from 'node:stream';

import type { CliContext } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { CliFailure } from '../failure.ts';

/**
 * Reads everything that comes in. `what` names it.
 *
 * @throws {CliFailure} once there is more than `mostBytes`.
 */
export async function readAll(
  { signal, stdin }: Pick<CliContext, 'signal' | 'stdin'>,
  { what, mostBytes, from = stdin }: { what: string; mostBytes: number; from?: Readable },
): Promise<Buffer> {
  signal.throwIfAborted();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of addAbortSignal(signal, from) as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes <= mostBytes) continue;
    throw new CliFailure(`${what} has more than ${mostBytes} bytes, and no server takes that.`, {
      exitCode: exitCodes.usage,
      advice: 'Split it into several.',
    });
  }
  return Buffer.concat(chunks);
}
