import type { MemberStatus } from '../../client.ts';
import { httpOfNewcomer, startLine } from './start-lines.ts';

/** `tcp://10.0.0.1:7001` as `10.0.0.1:7001`, which is how it is typed. */
export function hostPort(address: string): string {
  return address.replace(/^(tcp|tls):\/\//, '');
}

/** How a member is started that joins those that are there. */
export function serveLine(
  { id, address }: { readonly id: string; readonly address: string },
  members: readonly MemberStatus[],
): string {
  const others = members
    .filter((one) => one.id !== id)
    .map(({ peerAddress, httpAddress: http }) => ({ address: hostPort(peerAddress), http }));
  return startLine({
    name: id,
    data: 'DIR',
    listen: address,
    http: httpOfNewcomer(address, others),
    join: others.map((one) => one.address),
  });
}

/** `1234567` as `1,234,567`. */
export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
