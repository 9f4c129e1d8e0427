import type {
  ForwardRequest,
  ForwardResponse,
  ReadIndexRequest,
  ReadIndexResponse,
} from '../core/message.ts';
import type { NodeId } from '../core/types.ts';
import type { Runtime } from '../platform/runtime.ts';
import type { Engine } from './engine.ts';
import type { RaftConfig } from './options.ts';
import type { Peers } from './peers.ts';
import { notLeader } from './refusal.ts';
import { decodeResponse } from './response-codec.ts';

/** What it takes to have another node do what only a leader can. */
export interface FarHost {
  readonly config: RaftConfig;
  readonly runtime: Runtime;
  readonly leads: () => boolean;
  readonly leader: () => NodeId | undefined;
  /** Whether there is a cluster that may get a leader. */
  readonly hasCluster: () => boolean;
  /** What a caller is told if there was nobody to ask. */
  readonly noLeader: () => Error;
  readonly decode: (response: Uint8Array) => unknown;
  readonly forward: (
    to: NodeId,
    request: ForwardRequest,
    timeoutMs: number,
  ) => Promise<ForwardResponse>;
  readonly readIndex: (
    to: NodeId,
    request: ReadIndexRequest,
    timeoutMs: number,
  ) => Promise<ReadIndexResponse>;
}

export function farHost(engine: Engine, peers: Peers): FarHost {
  const { config, runtime } = engine;
  return {
    config,
    runtime,
    leads: () => engine.state.leadership !== undefined,
    leader: () => engine.state.leader,
    hasCluster: () => engine.state.membership.voters.length > 0,
    noLeader: () => notLeader(engine.id, engine.state.leader, engine.state.membership),
    decode: (response) => decodeResponse(engine.responseCodec, response),
    forward: (to, request, timeoutMs) =>
      peers.ask(to, timeoutMs, (rpc, options) => rpc.forward(request, options)),
    readIndex: (to, request, timeoutMs) =>
      peers.ask(to, timeoutMs, (rpc, options) => rpc.readIndex(request, options)),
  };
}
