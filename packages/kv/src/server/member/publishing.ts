import type { Network, NodeInfo } from 'quorate';
import { pause } from '../../pause.ts';
import { keptData, ownData } from './membership-data.ts';
import { type MemberHost, messageOf } from './node.ts';

const firstPauseMs = 50;
const longestPauseMs = 2000;
const askTimeoutMs = 3000;

/**
 * Sees to it that the cluster knows where this member can be reached, for members and for clients.
 * Ends once that is replicated; tries until then. Never rejects.
 */
export async function publish(
  host: MemberHost,
  { network, info }: { readonly network: Network; readonly info: NodeInfo },
): Promise<void> {
  const { raft, name, runtime, signal, logger } = host;
  let pauseMs = firstPauseMs;
  while (!signal.aborted) {
    try {
      const { membership, leader = '' } = await raft.waitFor(
        (metrics) => metrics.leader !== undefined && name in metrics.membership.nodes,
        { signal },
      );
      const known = membership.nodes[name] ?? {};
      if (agrees(known, info)) return;
      if (leader === name) await raft.updateNode(name, withKept(known, info));
      else await tell(host, network, { leader, at: membership.nodes[leader] ?? {}, info });
    } catch (error) {
      if (signal.aborted) return;
      logger.debug({ error: messageOf(error) }, 'could not say yet where it is reached');
    }
    await pause(runtime, pauseMs, signal);
    pauseMs = Math.min(2 * pauseMs, longestPauseMs);
  }
}

/** A member that joins again under its name says by that where it is now. */
async function tell(
  { raft, name }: MemberHost,
  network: Network,
  { leader, at, info }: { readonly leader: string; readonly at: NodeInfo; readonly info: NodeInfo },
): Promise<void> {
  const { identity: from } = await raft.rpc.identify();
  const { address, data } = at;
  const place = { ...(address === undefined ? {} : { address }), ...(data ? { data } : {}) };
  const connection = network.connect(leader, place);
  try {
    await connection.join(
      { id: name, info, incarnation: from.incarnation, voter: false },
      { from, to: { node: leader }, timeoutMs: askTimeoutMs },
    );
  } finally {
    await connection[Symbol.asyncDispose]();
  }
}

function agrees(known: NodeInfo, info: NodeInfo): boolean {
  if (known.address !== info.address) return false;
  const { data = {} } = info;
  const knownData = ownData(known);
  const names = Object.keys(data);
  if (names.length !== Object.keys(knownData).length) return false;
  return names.every((name) => knownData[name] === data[name]);
}

/** What the cluster remembers of it stays; which disk it has is for the library to say. */
function withKept(
  known: NodeInfo,
  { address = known.address, data = known.data }: NodeInfo,
): NodeInfo {
  return {
    ...(address === undefined ? {} : { address }),
    data: { ...data, ...keptData(known) },
  };
}
