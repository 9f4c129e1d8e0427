import type { IncomingMessage } from 'node:http';

import { KvError } from '../../errors.ts';
import { findJsonFault } from './json-fault.ts';

/**
 * Reads a body whole, and counts while it comes in.
 *
 * @throws {KvError} `KV_TOO_LARGE` once it is longer than `maxBytes`, which is not read then.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw invalid(`The body is encoded as "${encoding}"; send it as it is.`);
  }
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > maxBytes) throw tooLarge(maxBytes, announced);
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    request.on('data', (part: Buffer) => {
      size += part.byteLength;
      if (size > maxBytes) {
        request.removeAllListeners('data');
        parts.length = 0;
        reject(tooLarge(maxBytes, size));
      } else {
        parts.push(part);
      }
    });
    const broken = (): void => reject(invalid('The body broke off.'));
    request.once('error', broken);
    request.once('close', broken);
    request.once('end', () => {
      // Every request closes in the end, and an error costs more than all the rest here.
      request.off('close', broken);
      resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, size));
    });
  });
}

/** @throws {KvError} `KV_INVALID` that says at which line and column it is no JSON. */
export function parseJson(bytes: Buffer): unknown {
  const text = utf8Of(bytes);
  if (!/\S/.test(text)) throw invalid('The body is empty; wanted JSON.');
  try {
    return JSON.parse(text);
  } catch {
    const { line, column, problem } = findJsonFault(text) ?? { line: 1, column: 1, problem: '' };
    throw new KvError(
      'KV_INVALID',
      `The body is not JSON: line ${line}, column ${column}: ${problem}.`,
      { details: { line, column } },
    );
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function utf8Of(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw invalid('The body is not UTF-8, as JSON must be; write bytes as {"base64": "..."}.');
  }
}

function invalid(message: string): KvError {
  return new KvError('KV_INVALID', message);
}

function tooLarge(most: number, came: number): KvError {
  const message = `A body may have at most ${most} bytes (http.maxBodyBytes); ${came} came.`;
  return new KvError('KV_TOO_LARGE', message, { details: { limit: 'maxBodyBytes', most, came } });
}
