// Sends back what comes over TCP, in a process of its own.

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { answerParent } from './answer-parent.ts';

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('data', (chunk) => socket.write(chunk));
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

answerParent({
  port: () => (server.address() as AddressInfo).port,
  close: () => server.close(),
});
