import type { IncomingMessage } from 'node:http';
import { BadJsonError, TooLargeError } from './edge-errors.ts';

/** Read and thrown away before a body that is too large is answered: the caller still sends it. */
const drainFactor = 8;

/** @throws {TooLargeError} @throws {BadJsonError} */
export async function readJsonBody(request: IncomingMessage, limitBytes: number): Promise<unknown> {
  const bytes = await readBody(request, limitBytes);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BadJsonError(`The body is not JSON in UTF-8: ${why}`, { cause });
  }
}

async function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const drainBytes = limitBytes * drainFactor;
  if (Number(request.headers['content-length']) > drainBytes) throw tooLarge(limitBytes);

  const kept: Uint8Array[] = [];
  let sizeBytes = 0;
  // The socket has to outlive the loop, since it carries the answer.
  const chunks: AsyncIterable<Uint8Array> = request.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    if (sizeBytes > drainBytes) throw tooLarge(limitBytes);
    if (sizeBytes <= limitBytes) kept.push(chunk);
  }

  if (sizeBytes > limitBytes) throw tooLarge(limitBytes);
  return Buffer.concat(kept);
}

function tooLarge(limitBytes: number): TooLargeError {
  return new TooLargeError(`The body is larger than ${limitBytes} bytes; send a smaller one.`);
}
