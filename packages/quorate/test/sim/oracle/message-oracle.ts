import type {
  AppendEntriesRequest,
  AppendEntriesResponse,
  InstallSnapshotRequest,
  InstallSnapshotResponse,
  ReadIndexResponse,
  TimeoutNowRequest,
  VoteRequest,
  VoteResponse,
} from '../../../src/core/message.ts';
import type { LogIndex, Term } from '../../../src/core/types.ts';
import type { NodeView, SimMessage } from '../hooks.ts';
import type { CommitOracle } from './commit-oracle.ts';
import { type Ledger, nameOf } from './ledger.ts';
import type { SeenNode } from './seen-node.ts';
import { demand } from './violation.ts';
import type { VoteOracle } from './vote-oracle.ts';

/**
 * Watches what nodes tell one another: what a message promises is on the disk when it leaves (S3,
 * S4), an index for a read is new enough (S21), and a node whose disk has failed says nothing any
 * more (S25).
 */
export class MessageOracle {
  readonly #ledger: Ledger;
  readonly #votes: VoteOracle;
  readonly #commits: CommitOracle;
  /** By message: what was committed when a read was asked of another node. */
  readonly #floors = new Map<number, LogIndex>();

  constructor(ledger: Ledger, { votes, commits }: { votes: VoteOracle; commits: CommitOracle }) {
    this.#ledger = ledger;
    this.#votes = votes;
    this.#commits = commits;
  }

  onSent(node: SeenNode, view: NodeView, { kind, request, number }: SimMessage): void {
    switch (kind) {
      case 'requestVote': {
        const rpc = request as VoteRequest;
        if (!rpc.preVote) {
          this.#demandSound(node, `asks for votes in term ${rpc.term}`);
          this.#votes.onTerm(node, rpc.term);
        }
        return this.#votes.onRequest(node, view.disk, rpc);
      }
      case 'appendEntries':
        return this.#onAppendSent(node, view, request as AppendEntriesRequest);
      case 'installSnapshot': {
        const { term, leader, meta } = request as InstallSnapshotRequest;
        this.#demandLeader(node, { term, leader });
        demand(
          this.#ledger.isCommitted(meta.lastLogId),
          'S19',
          () => `${node.id} sends a snapshot of ${nameOf(meta.lastLogId)}, which is not committed`,
        );
        return;
      }
      case 'timeoutNow':
        return this.#demandLeader(node, request as TimeoutNowRequest);
      case 'readIndex':
        this.#floors.set(number, this.#ledger.lastCommitted);
        return;
      default:
    }
  }

  onAnswered(node: SeenNode, view: NodeView, message: SimMessage, response: unknown): void {
    switch (message.kind) {
      case 'requestVote': {
        const answer = response as VoteResponse;
        if (answer.granted) this.#demandSound(node, `votes in term ${answer.term}`);
        const request = message.request as VoteRequest;
        return this.#votes.onAnswer(node, view.disk, request, answer);
      }
      case 'appendEntries': {
        const answer = response as AppendEntriesResponse;
        this.#votes.onTerm(node, answer.term);
        if (!answer.accepted) return;
        if (answer.match > 0) this.#demandSound(node, `accepts entry ${answer.match}`);
        return this.#commits.onMatch(node, answer);
      }
      case 'installSnapshot': {
        const answer = response as InstallSnapshotResponse;
        this.#votes.onTerm(node, answer.term);
        return this.#commits.onMatch(node, answer);
      }
      case 'readIndex':
        return this.#onReadIndex(node, message.number, response as ReadIndexResponse);
      default:
    }
  }

  /**
   * A leader tells of nothing as committed that it has not committed itself (S12), and of nothing
   * at all once it knows of a newer term (S1).
   */
  #onAppendSent(node: SeenNode, { state }: NodeView, rpc: AppendEntriesRequest): void {
    const { term, leader, committed } = rpc;
    this.#demandLeader(node, { term, leader });
    const now = state?.term ?? term;
    demand(
      now === term,
      'S1',
      () => `${node.id} speaks as the leader of term ${term}, and its term is ${now}`,
    );
    const own = state?.committed ?? 0;
    demand(
      committed <= own,
      'S12',
      () => `${node.id} says that ${committed} is committed, and has committed ${own}`,
    );
  }

  /** Whoever speaks as the leader of a term was elected in it, and its vote is on its disk (S3). */
  #demandLeader(node: SeenNode, { term, leader }: { term: Term; leader: string }): void {
    this.#votes.onTerm(node, term);
    const known = this.#ledger.leaders.get(term);
    // The step that made it a leader may send before it is told of.
    demand(
      leader === node.id && (known === undefined || known === leader),
      'S1',
      () => `${node.id} speaks as leader ${leader} of term ${term}, and that is ${known}`,
    );
  }

  #onReadIndex(node: SeenNode, message: number, { index, term }: ReadIndexResponse): void {
    const floor = this.#floors.get(message) ?? 0;
    this.#votes.onTerm(node, term);
    demand(
      index >= floor,
      'S21',
      () => `${node.id} says that ${index} is new enough; ${floor} was committed when asked`,
    );
  }

  #demandSound({ id, diskFailure, isDiskDead }: SeenNode, what: string): void {
    demand(!isDiskDead, 'S25', () => `${id} ${what} after ${diskFailure}`);
  }
}
