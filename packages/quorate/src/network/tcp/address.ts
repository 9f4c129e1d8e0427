import type { SocketAddress } from './sockets.ts';

const wanted = 'wanted "host:port", "tcp://host:port" or "tls://host:port"';

/** Where to dial, or why that cannot be. */
export type ReadAddress = SocketAddress | { readonly problem: string };

/**
 * Reads the address of `whom`. What it says of encryption must be what this side does anyway: else
 * an address that somebody has changed would turn it off.
 */
export function readAddress(
  whom: string,
  address: string | undefined,
  { isSecure }: { readonly isSecure: boolean },
): ReadAddress {
  if (address === undefined) return { problem: `${whom} has no address in its info; ${wanted}.` };
  const bad = { problem: `The address of ${whom} is "${address}"; ${wanted}.` };
  const parts = /^(?:(tcp|tls):\/\/)?(\[[0-9a-fA-F:.]+\]|[^[\]:/?#@\s]+):(\d{1,5})\/?$/.exec(
    address,
  );
  if (parts === null) return bad;
  const [, scheme, bracketed = '', digits] = parts;
  const port = Number(digits);
  if (port < 1 || port > 65_535) return bad;
  if (scheme === 'tcp' && isSecure) {
    return { problem: `The address of ${whom} is "${address}", and this side speaks TLS only.` };
  }
  if (scheme === 'tls' && !isSecure) {
    return { problem: `The address of ${whom} is "${address}", and this side has no TLS options.` };
  }
  return { host: bracketed.replace(/^\[|\]$/g, ''), port };
}

/** The same address as text. */
export function remoteName({ host, port }: SocketAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
