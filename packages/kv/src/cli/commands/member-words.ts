import type { MemberStatus } from '../../client.ts';

/** `tcp://10.0.0.1:7001` as `10.0.0.1:7001`, which is how it is typed. */
export function hostPort(address: string): string {
  return address.replace(/^(tcp|tls):\/\//, '');
}

/** How a member is started that joins those that are there. */
export function serveLine(
  { id, address }: { readonly id: string; readonly address: string },
  members: readonly MemberStatus[],
): string {
  const others = members.filter((one) => one.id !== id).map((one) => hostPort(one.peerAddress));
  return `quorate serve --name ${id} --data DIR --listen ${address} --join ${others.join(',')}`;
}

/** `1234567` as `1,234,567`. */
export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
