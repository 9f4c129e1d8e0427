import type { Network } from '../contract/network.ts';
import { RaftCore } from '../core/raft-core.ts';
import type { NodeId } from '../core/types.ts';
import type { Runtime } from '../platform/runtime.ts';
import type { RaftConfig } from './options.ts';
import type { Recovered } from './recovery.ts';

export interface CoreParts {
  readonly config: RaftConfig;
  readonly runtime: Runtime;
  readonly recovered: Recovered;
}

/** The protocol's part of a node, as its options and what it recovered say. */
export function makeCore(
  id: NodeId,
  { ordered }: Pick<Network, 'ordered'>,
  { config, runtime, recovered }: CoreParts,
): RaftCore {
  const options = {
    id,
    heartbeatMs: config.heartbeatMs,
    electionTimeoutMs: config.electionTimeoutMs,
    maxInflightAppends: ordered ? config.maxInflightAppends : 1,
    preVote: true,
    checkQuorum: true,
    maxClockDrift: config.maxClockDrift,
    random: () => runtime.random(),
  };
  return new RaftCore(options, recovered.state, runtime.now());
}
