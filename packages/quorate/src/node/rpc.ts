import type { CallOptions, RaftRpc } from '../contract/network.ts';
import type { Answer } from '../core/action.ts';
import type { Event } from '../core/event.ts';
import type {
  AppendEntriesRequest,
  AppendEntriesResponse,
  ForwardRequest,
  ForwardResponse,
  InstallSnapshotRequest,
  InstallSnapshotResponse,
  ReadIndexRequest,
  ReadIndexResponse,
  TimeoutNowRequest,
  VoteRequest,
  VoteResponse,
} from '../core/message.ts';
import type { Identity, NodeId, Term } from '../core/types.ts';
import { UnsupportedError, WrongTargetError } from '../errors.ts';
import type { Requests } from './requests.ts';

export interface RpcHost {
  readonly requests: Requests;
  readonly post: (event: Event) => void;
  readonly identity: () => Identity;
  readonly leader: () => NodeId | undefined;
  /** @throws {StoppedError | FatalError} if the node no longer runs. */
  readonly demandRunning: () => void;
}

/**
 * Answers the other nodes. Whoever calls says who asks and who is meant, and a call that was meant
 * for another node, another disk or another cluster is refused here, whatever network it came by.
 */
export class RpcServer implements RaftRpc {
  readonly #host: RpcHost;

  constructor(host: RpcHost) {
    this.#host = host;
  }

  // Neither call looks at `options.signal`: the core answers each of them, at once or when the disk
  // has, and a caller that no longer waits costs nothing more.

  requestVote(rpc: VoteRequest, options: CallOptions = {}): Promise<VoteResponse> {
    return new Promise((resolve, reject) => {
      this.#guard(options, { node: rpc.candidate, term: rpc.term });
      const request = this.#host.requests.open(
        (answer) =>
          answer.type === 'vote' ? resolve(answer.response) : reject(unexpected(answer)),
        reject,
      );
      this.#host.post({ type: 'requestVote', request, rpc });
    });
  }

  appendEntries(
    rpc: AppendEntriesRequest,
    options: CallOptions = {},
  ): Promise<AppendEntriesResponse> {
    return new Promise((resolve, reject) => {
      this.#guard(options, { node: rpc.leader, term: rpc.term });
      checkRun(rpc);
      const request = this.#host.requests.open(
        (answer) =>
          answer.type === 'append' ? resolve(answer.response) : reject(unexpected(answer)),
        reject,
      );
      this.#host.post({ type: 'appendEntries', request, rpc });
    });
  }

  async identify(
    options: CallOptions = {},
  ): Promise<{ identity: Identity; leader: NodeId | undefined }> {
    this.#guard(options);
    return { identity: this.#host.identity(), leader: this.#host.leader() };
  }

  async installSnapshot(
    _request: InstallSnapshotRequest,
    _chunks: AsyncIterable<Uint8Array>,
    options: CallOptions = {},
  ): Promise<InstallSnapshotResponse> {
    this.#guard(options);
    throw new UnsupportedError('This version takes no snapshots from other nodes.');
  }

  async timeoutNow(_request: TimeoutNowRequest, options: CallOptions = {}): Promise<void> {
    this.#guard(options);
    throw new UnsupportedError('This version does not take over leadership on request.');
  }

  async readIndex(
    _request: ReadIndexRequest,
    options: CallOptions = {},
  ): Promise<ReadIndexResponse> {
    this.#guard(options);
    throw new UnsupportedError('This version does not read on followers; read on the leader.');
  }

  async forward(_request: ForwardRequest, options: CallOptions = {}): Promise<ForwardResponse> {
    this.#guard(options);
    throw new UnsupportedError(
      'This version does not take writes for others; write on the leader.',
    );
  }

  /**
   * `speaker`: whom the message claims to come from, for those calls that change a node's state.
   */
  #guard({ from, to }: CallOptions, speaker?: { node: NodeId; term: Term }): void {
    this.#host.demandRunning();
    const self = this.#host.identity();
    if (speaker !== undefined) {
      if (from === undefined || to === undefined) {
        throw new WrongTargetError(
          'The call does not say who asks and who is meant; a network must carry both.',
        );
      }
      checkTerm(speaker.term);
    }
    if (to !== undefined && to.node !== self.node) {
      throw new WrongTargetError(`The call is for node ${to.node}, and this is node ${self.node}.`);
    }
    if (to?.incarnation !== undefined && to.incarnation !== self.incarnation) {
      throw new WrongTargetError(
        `The call is for node ${self.node} with disk ${to.incarnation}, and its disk is ${self.incarnation}.`,
      );
    }
    if (from === undefined) return;
    if (speaker !== undefined && from.node !== speaker.node) {
      throw new WrongTargetError(`Node ${from.node} must not speak for node ${speaker.node}.`);
    }
    if (from.cluster === undefined || self.cluster === undefined) return;
    if (from.cluster !== self.cluster) {
      throw new WrongTargetError(
        `Node ${from.node} belongs to cluster ${from.cluster}, and this node to ${self.cluster}.`,
      );
    }
  }
}

/**
 * Terms grow by one with each election; one this high was not counted, and nothing comes after it.
 */
function checkTerm(term: Term): void {
  if (Number.isSafeInteger(term) && term <= highestTerm) return;
  throw new RangeError(`A term must be a whole number up to ${highestTerm}; it is ${term}.`);
}

const highestTerm = 2 ** 52;

/** A run of entries has no gaps, follows `previous` and holds nothing newer than its leader. */
function checkRun({ entries, previous, term }: AppendEntriesRequest): void {
  let before = previous;
  for (const { logId } of entries) {
    if (logId.index !== before.index + 1 || logId.term < before.term) {
      throw new RangeError(
        `Entry ${logId.index} of term ${logId.term} must not follow ${before.index} of term ${before.term}.`,
      );
    }
    before = logId;
  }
  if (before.term > term) {
    throw new RangeError(`A leader of term ${term} must not send entries of term ${before.term}.`);
  }
}

function unexpected(answer: Answer): Error {
  return new Error(`Broken invariant: the core answered ${answer.type}.`);
}
