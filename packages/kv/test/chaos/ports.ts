import { once } from 'node:events';
import { createServer } from 'node:net';
import { Random } from '../../../quorate/test/walker/random.ts';

const from = 10_000;
const count = 18_000;

/**
 * Ports that nobody listens on, below those that outgoing connections take: who is killed finds its
 * own free again.
 */
export async function lastingPorts(wanted: number): Promise<readonly number[]> {
  const random = new Random(`${process.pid} ${performance.now()}`, 'ports');
  const ports: number[] = [];
  while (ports.length < wanted) {
    const port = from + random.below(count);
    if (!ports.includes(port) && (await isFree(port))) ports.push(port);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
