import type { Network, RaftRpc } from '../../contract/network.ts';
import type { NodeId, NodeInfo } from '../../core/types.ts';
import type { TestFunction } from '../suite.ts';

/** A network, and the means to put a node behind it. */
export interface NetworkUnderTest {
  readonly network: Network;
  /** Lets `rpc` answer as node `id`, and returns where it is; `info` if it was somewhere before. */
  serve(id: NodeId, rpc: RaftRpc, info?: NodeInfo): Promise<NodeInfo>;
  /** Ends what `serve` began, as a process that dies does. */
  stop(id: NodeId): Promise<void>;
  close(): Promise<void>;
}

/** A network, and a place on it where something other than a node is. */
export interface StrangeTarget {
  readonly network: Network;
  readonly info: NodeInfo;
  close(): Promise<void>;
}

/**
 * A network to be tested. Every case opens one of its own. A case whose hook is missing is skipped,
 * and its name says which hook it needs.
 */
export interface NetworkSuiteOptions {
  readonly test: TestFunction;
  readonly open: () => Promise<NetworkUnderTest>;
  /** A target that accepts calls and never answers, on a network with a short deadline. */
  readonly openSilent?: () => Promise<StrangeTarget>;
  /** A target that answers with what no node would say. */
  readonly openGarbage?: () => Promise<StrangeTarget>;
  /**
   * Breaks every connection that there is to node `id`, and loses the answers that are still to go
   * over them. The node goes on, and over a new connection it can be reached at once.
   */
  readonly breakConnections?: (under: NetworkUnderTest, id: NodeId) => Promise<void>;
  /**
   * How many sockets and timers the network has open once those that are closing are closed. Called
   * when all connections are disposed and nothing is under way.
   */
  readonly countOpen?: (under: NetworkUnderTest) => Promise<number>;
}
