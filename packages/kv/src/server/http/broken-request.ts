import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

import { KvError } from '../../errors.ts';
import { errorJson } from './answering.ts';
import type { HttpLimits } from './options.ts';

/** Answers what is no HTTP, and closes the connection. */
export function answerBrokenRequest(error: Error, socket: Socket, limits: HttpLimits): void {
  // A message that follows one which is being answered would run into that answer.
  if (!socket.writable || isAnswering(socket)) {
    socket.destroy();
    return;
  }
  const refused = meaningOf(error, limits);
  const { status } = refused.kind;
  const body = JSON.stringify(errorJson(refused));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
      'Content-Type: application/json\r\nConnection: close\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  // Whoever does not close its side keeps no socket of ours.
  socket.destroySoon();
}

/** Node hangs the response that is under way on its socket. */
function isAnswering(socket: Socket): boolean {
  const { _httpMessage: message } = socket as { _httpMessage?: { headersSent: boolean } | null };
  return message?.headersSent === true;
}

function meaningOf(error: Error, limits: HttpLimits): KvError {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'HPE_HEADER_OVERFLOW') {
    const most = limits.maxHeaderBytes;
    const message = `Address and headers may have at most ${most} bytes (http.maxHeaderBytes); put long keys into a body.`;
    return new KvError('KV_TOO_LARGE', message, { details: { limit: 'maxHeaderBytes', most } });
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const message = `The request did not come whole in time: its head has ${limits.headersTimeoutMs} ms, and all of it ${limits.requestTimeoutMs} ms.`;
    return new KvError('KV_INVALID', message, { details: { reason: code } });
  }
  const message = `This is not HTTP: ${error.message}.`;
  return new KvError('KV_INVALID', message, { details: { reason: code } });
}
