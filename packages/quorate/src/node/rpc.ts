import type {
  CallOptions,
  IdentifyResponse,
  JoinRequest,
  LeaveRequest,
  MembersResponse,
  RaftRpc,
} from '../contract/network.ts';
import type { Answer } from '../core/action.ts';
import type { Event, RequestId } from '../core/event.ts';
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
import { WrongTargetError } from '../errors.ts';
import { isOfLineage } from './lineage.ts';
import type { Members } from './members.ts';
import type { Asker, Requests } from './requests.ts';
import { withSignal } from './signal.ts';
import type { Receiving } from './snapshot-receiver.ts';

export interface RpcHost {
  readonly requests: Requests;
  readonly post: (event: Event) => void;
  readonly identity: () => Identity;
  readonly members: Pick<Members, 'heard' | 'identified' | 'guard' | 'join' | 'leave'>;
  /** @throws {StoppedError | FatalError} if the node no longer runs. */
  readonly demandRunning: () => void;
  readonly receiving: Pick<Receiving, 'offer' | 'withdraw'>;
  readonly errorOf: (refused: Extract<Answer, { type: 'refused' }>) => Error;
  /** Takes a write that another node has passed on. */
  readonly forward: (request: ForwardRequest) => Promise<ForwardResponse>;
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

  // Neither of these two calls looks at `options.signal`: each of them is answered, by the core at
  // once or when the disk has, or when it is known who asks; a caller that no longer waits costs
  // nothing more.

  requestVote(rpc: VoteRequest, options: CallOptions = {}): Promise<VoteResponse> {
    return new Promise((resolve, reject) => {
      this.#guard(options, rpc.candidate, rpc.term);
      const { requests, post, members } = this.#host;
      const request = requests.open(
        (answer) =>
          answer.type === 'vote' ? resolve(answer.response) : reject(unexpected(answer)),
        reject,
      );
      const event = { type: 'requestVote', request, rpc } as const;
      const settling = members.guard.beforeVote(rpc.candidate);
      if (settling === undefined) {
        post(event);
        return;
      }
      // The core does not hear of a vote that cannot be given yet: the candidate asks again.
      void settling.then((mayCount) =>
        mayCount ? post(event) : requests.answer(request, noVoteYet),
      );
    });
  }

  appendEntries(
    rpc: AppendEntriesRequest,
    options: CallOptions = {},
  ): Promise<AppendEntriesResponse> | AppendEntriesResponse {
    const asker = new AppendAsker();
    try {
      this.#guard(options, rpc.leader, rpc.term);
      checkRun(rpc);
      const request = this.#host.requests.openFor(asker);
      this.#host.post({ type: 'appendEntries', request, rpc });
    } catch (refusal) {
      return Promise.reject(refusal);
    }
    return asker.outcome;
  }

  async identify(options: CallOptions = {}): Promise<IdentifyResponse> {
    this.#guard(options);
    return this.#host.members.identified(options.from);
  }

  async join(request: JoinRequest, options: CallOptions = {}): Promise<MembersResponse> {
    this.#guard(options, request.id);
    return this.#host.members.join(request, options.signal);
  }

  async leave(request: LeaveRequest, options: CallOptions = {}): Promise<MembersResponse> {
    this.#guard(options, request.id);
    return this.#host.members.leave(request, options.signal);
  }

  installSnapshot(
    rpc: InstallSnapshotRequest,
    chunks: AsyncIterable<Uint8Array>,
    options: CallOptions = {},
  ): Promise<InstallSnapshotResponse> {
    return new Promise((resolve, reject) => {
      this.#guard(options, rpc.leader, rpc.term);
      this.#checkSnapshot(rpc, options);
      const { requests, receiving, post } = this.#host;
      const request: RequestId = requests.open(
        (answer) => {
          receiving.withdraw(request);
          if (answer.type === 'snapshot') resolve(answer.response);
          else reject(unexpected(answer));
        },
        (reason) => {
          receiving.withdraw(request);
          reject(reason);
        },
      );
      receiving.offer(request, chunks);
      post({ type: 'installSnapshot', request, rpc });
    });
  }

  timeoutNow(rpc: TimeoutNowRequest, options: CallOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#guard(options, rpc.leader, rpc.term);
      const request = this.#host.requests.open(
        (answer) => (answer.type === 'done' ? resolve() : reject(unexpected(answer))),
        reject,
      );
      this.#host.post({ type: 'timeoutNow', request, rpc });
    });
  }

  readIndex({ mode }: ReadIndexRequest, options: CallOptions = {}): Promise<ReadIndexResponse> {
    const { requests, post } = this.#host;
    let request: RequestId | undefined;
    const answered = new Promise<ReadIndexResponse>((resolve, reject) => {
      this.#guard(options);
      request = requests.open((answer) => {
        if (answer.type === 'readable') resolve({ term: answer.term, index: answer.index });
        else if (answer.type === 'refused') reject(this.#host.errorOf(answer));
        else reject(unexpected(answer));
      }, reject);
      post({ type: 'readIndex', request, mode });
    });
    // A leader that commits nothing answers no read; who waits no longer must not keep a place.
    return withSignal(answered, options.signal, () => {
      if (request !== undefined) requests.forget(request);
    });
  }

  async forward(request: ForwardRequest, options: CallOptions = {}): Promise<ForwardResponse> {
    this.#guard(options);
    return this.#host.forward(request);
  }

  /** A snapshot of another cluster must change nothing here, whoever sends it. */
  #checkSnapshot({ meta, term }: InstallSnapshotRequest, { from }: CallOptions): void {
    const own = this.#host.identity();
    const lineage = own.cluster === undefined ? (from ?? own) : own;
    if (!isOfLineage(lineage, meta.membership.cluster)) {
      throw new WrongTargetError(
        `The snapshot is of cluster ${meta.membership.cluster}, and this node belongs to ${lineage.cluster}.`,
      );
    }
    if (meta.lastLogId.term <= term && meta.membership.logId.index <= meta.lastLogId.index) return;
    throw new RangeError(
      `A leader of term ${term} must not send a snapshot up to entry ${meta.lastLogId.index} of term ${meta.lastLogId.term} with the membership of entry ${meta.membership.logId.index}.`,
    );
  }

  /**
   * `speaker`: whom the message claims to come from, for those calls that change a node's state.
   */
  #guard({ from, to }: CallOptions, speaker?: NodeId, term: Term = 0): void {
    this.#host.demandRunning();
    const self = this.#host.identity();
    if (speaker !== undefined) {
      if (from === undefined || to === undefined) {
        throw new WrongTargetError(
          'The call does not say who asks and who is meant; a network must carry both.',
        );
      }
      checkTerm(term);
    }
    if (to !== undefined && to.node !== self.node) {
      throw new WrongTargetError(`The call is for node ${to.node}, and this is node ${self.node}.`);
    }
    if (to?.incarnation !== undefined && to.incarnation !== self.incarnation) {
      if (from !== undefined) this.#host.members.guard.meantOther(from, to.incarnation);
      throw new WrongTargetError(
        `The call is for node ${self.node} with disk ${to.incarnation}, and its disk is ${self.incarnation}.`,
      );
    }
    if (from === undefined) return;
    if (speaker !== undefined && from.node !== speaker) {
      throw new WrongTargetError(`Node ${from.node} must not speak for node ${speaker}.`);
    }
    if (from.cluster === undefined) return;
    if (from.cluster !== (self.cluster ?? from.cluster)) {
      throw new WrongTargetError(
        `Node ${from.node} belongs to cluster ${from.cluster}, and this node to ${self.cluster}.`,
      );
    }
    if (speaker === undefined) return;
    const suspicion = this.#host.members.guard.suspicionIn(from.cluster);
    // It belongs to no cluster yet, so the core is not in quarantine: it must not vote meanwhile.
    if (suspicion !== undefined && self.cluster === undefined) {
      throw new WrongTargetError(suspicion);
    }
    this.#host.members.heard(from);
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

/** Waits for the core's answer to an append; with a promise only if it does not come at once. */
class AppendAsker implements Asker {
  #response: AppendEntriesResponse | undefined = undefined;
  #failure: { readonly reason: unknown } | undefined = undefined;
  #resolve: ((response: AppendEntriesResponse) => void) | undefined = undefined;
  #reject: ((reason: unknown) => void) | undefined = undefined;

  answer(answer: Answer): void {
    if (answer.type !== 'append') this.fail(unexpected(answer));
    else if (this.#resolve === undefined) this.#response = answer.response;
    else this.#resolve(answer.response);
  }

  fail(reason: unknown): void {
    if (this.#reject === undefined) this.#failure = { reason };
    else this.#reject(reason);
  }

  get outcome(): Promise<AppendEntriesResponse> | AppendEntriesResponse {
    if (this.#response !== undefined) return this.#response;
    if (this.#failure !== undefined) return Promise.reject(this.#failure.reason);
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }
}

/** It says nothing about terms, since only the core knows which are durable. */
const noVoteYet: Answer = { type: 'vote', response: { term: 0, granted: false } };

function unexpected(answer: Answer): Error {
  return new Error(`Broken invariant: the core answered ${answer.type}.`);
}
