import { UnreachableError, UnsupportedError, WrongTargetError } from '../../errors.ts';
import type { CallerHost } from './caller-host.ts';
import type { ChannelCaller } from './channel.ts';
import type { Hello } from './handshake-messages.ts';
import { type NodeNames, otherName } from './tls.ts';
import { commonVersion, wireVersions } from './version.ts';

/** Why the caller must not be welcomed, if there is a reason. */
export function refusalOf(
  { minVersion: from, maxVersion: to, target, cluster, node }: Hello,
  host: Pick<CallerHost, 'served' | 'nodeNames'>,
  peer: ChannelCaller,
): Error | undefined {
  if (commonVersion(wireVersions, { minVersion: from, maxVersion: to }) === undefined) {
    const { minVersion, maxVersion } = wireVersions;
    return new UnsupportedError(
      `This side speaks versions ${minVersion} to ${maxVersion} of the wire, and the other side ${from} to ${to}.`,
    );
  }
  const strange = strangeName(node, host.nodeNames, peer);
  if (strange !== undefined) return strange;
  const self = host.served(0)?.identity?.();
  if (self === undefined) return undefined;
  if (target !== undefined && target.node !== self.node) {
    const message = `The call is for node ${target.node}, and this is node ${self.node}.`;
    return new WrongTargetError(message);
  }
  if (cluster === undefined || cluster === (self.cluster ?? cluster)) return undefined;
  return new WrongTargetError(
    `Node ${node} belongs to cluster ${cluster}, and this node to ${self.cluster}.`,
  );
}

/** With ids tied to names, a caller must show the name of the node that it says it is. */
export function strangeName(
  node: string | undefined,
  nodeNames: NodeNames | undefined,
  { certificateNames }: ChannelCaller,
): Error | undefined {
  if (node === undefined || nodeNames === undefined) return undefined;
  if (nodeNames(node, certificateNames)) return undefined;
  return new UnreachableError(`The caller ${otherName(node, certificateNames)}.`);
}
