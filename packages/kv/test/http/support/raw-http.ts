import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';

export interface RawConnection {
  readonly socket: Socket;
  /** Everything that came, once the server has closed the connection. */
  readonly all: Promise<string>;
}

/** A connection over which a test says what no client would. */
export async function rawConnection(port: number, bytes: string | Buffer): Promise<RawConnection> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const all = text(socket).catch(() => '');
  socket.on('error', () => undefined);
  socket.write(bytes);
  return { socket, all };
}

/** The status and the JSON of an answer. */
export function readRaw(answer: string): { readonly status: number; readonly json: unknown } {
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
  const body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
  return { status, json: body.startsWith('{') ? JSON.parse(body) : undefined };
}
