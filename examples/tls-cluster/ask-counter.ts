import { TcpClient } from 'quorate/network/tcp';
import type { TlsFiles } from './tls-files.ts';

/**
 * Sends one request to one node, over a connection of its own, and returns the total.
 *
 * @throws what the node refuses it with, or an `UnreachableError` if there is no such node there
 *   or the two do not believe one another.
 */
export async function askCounter(
  request: string,
  node: { readonly name: string; readonly address: string },
  files: TlsFiles,
): Promise<number> {
  // The certificate of a node has the name of the node, and not that of its host.
  const { ca, cert, key } = files.options;
  const tls = { ca, cert, key, serverName: node.name };
  const client = new TcpClient(node.address, { tls, callTimeoutMs: 15_000 });
  try {
    const answer = await client.channel('counter').call(Buffer.from(request));
    return Number(Buffer.from(answer).toString());
  } finally {
    await client.close();
  }
}
