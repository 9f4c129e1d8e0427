import { InvalidMembershipError, type Membership, type RaftRpc } from 'quorate';
import { formerNames, keptData } from './membership-data.ts';
import { usedNameMessage } from './membership-refusals.ts';

/**
 * Looks at who wants to join before the node does: a name that has left never comes back, and what
 * the cluster remembers of a member stays when that says anew where it is reached.
 */
export function guardedRpc(rpc: RaftRpc, membership: () => Membership | undefined): RaftRpc {
  return {
    requestVote: (request, options) => rpc.requestVote(request, options),
    appendEntries: (request, options) => rpc.appendEntries(request, options),
    installSnapshot: (request, chunks, options) => rpc.installSnapshot(request, chunks, options),
    timeoutNow: (request, options) => rpc.timeoutNow(request, options),
    readIndex: (request, options) => rpc.readIndex(request, options),
    forward: (request, options) => rpc.forward(request, options),
    identify: (options) => rpc.identify(options),
    leave: (request, options) => rpc.leave(request, options),
    async join(request, options) {
      const { id, info } = request;
      const current = membership();
      if (current === undefined) return rpc.join(request, options);
      const known = Object.hasOwn(current.nodes, id) ? current.nodes[id] : undefined;
      if (known === undefined && formerNames(current).includes(id)) {
        throw new InvalidMembershipError(usedNameMessage(id));
      }
      if (known === undefined || info.data === undefined) return rpc.join(request, options);
      const data = { ...info.data, ...keptData(known) };
      return rpc.join({ ...request, info: { ...info, data } }, options);
    },
  };
}
