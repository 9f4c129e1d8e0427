import type { RequestId } from '../../src/core/event.ts';
import type { RaftCore, RecoveredState } from '../../src/core/raft-core.ts';
import type { CoreState } from '../../src/core/state.ts';
import type { EffectiveMembership, Entry, LogId, NodeId, Payload } from '../../src/core/types.ts';
import { Disk, rootEntry } from './disk.ts';
import type { Request } from './message.ts';
import { mix } from './random.ts';

/** A question that was put to a node and is not answered yet. */
export type Question =
  | { readonly type: 'message'; readonly message: Request }
  | { readonly type: 'initialize' }
  | { readonly type: 'propose'; readonly payloads: readonly Payload[] }
  /** What anybody had committed when the read was asked: the answer must cover it. */
  | { readonly type: 'readIndex'; readonly floor: number }
  | { readonly type: 'changeMembership' };

/** One node of a walk: its core, what the runtime around it would hold, and what was seen of it. */
export class WalkNode {
  readonly at: number;
  readonly id: NodeId;
  readonly bit: number;
  readonly disk: Disk = new Disk();
  /** Moved at will, never back while the node runs. */
  clock = 0;
  /** Counts starts. What was sent to an earlier incarnation does not reach this one. */
  incarnation = 0;

  #core: RaftCore | undefined = undefined;
  /** The log as the node sees it, with `rootEntry` at 0. */
  log: Entry[] = [rootEntry];
  /** The membership entries in `log`, oldest first. */
  changes: Entry[] = [];
  applying = 0;
  applied = 0;
  appliedHash = 0;
  #lastRequest: RequestId = 0;
  questions: Map<RequestId, Question> = new Map();
  /** Calls whose `sent` is still to be reported. */
  unreported: { readonly call: number; readonly last: number }[] = [];

  // What the oracle saw of it last.
  /** The membership entry in force when the step began, which its decisions were made by. */
  changeBefore: Entry | undefined = undefined;
  seenTerm = 0;
  seenCommitted = 0;
  seenWrite = 0;
  seenCall = 0;
  seenCampaign: CoreState['campaign'] = undefined;
  /** The term that this node leads, or 0. */
  leadsTerm = 0;
  /** Grants of the campaign under way that reached this node, as bits, and of the one before. */
  grants = 0;
  closedGrants = 0;
  campaignCount = 0;
  /** Followers, by place, whose last answer was a refusal. */
  readonly refusals: Set<number> = new Set();

  constructor(at: number) {
    this.at = at;
    this.id = `n${at + 1}`;
    this.bit = 1 << at;
  }

  get isUp(): boolean {
    return this.#core !== undefined;
  }

  get core(): RaftCore {
    if (this.#core === undefined) throw new Error(`${this.id} is down`);
    return this.#core;
  }

  get state(): Readonly<CoreState> {
    return this.core.state;
  }

  get leads(): boolean {
    return this.#core?.state.role === 'leader';
  }

  /** The membership entry in force, if there is any. */
  get change(): Entry | undefined {
    return this.changes.at(-1);
  }

  ask(question: Question): RequestId {
    this.#lastRequest += 1;
    this.questions.set(this.#lastRequest, question);
    return this.#lastRequest;
  }

  stop(): void {
    this.#core = undefined;
    this.questions.clear();
    this.unreported.length = 0;
    this.leadsTerm = 0;
  }

  start(core: RaftCore): void {
    this.#core = core;
    this.incarnation += 1;
    this.seenTerm = this.disk.vote.term;
    this.seenCommitted = this.applied;
    this.seenWrite = 0;
    this.seenCall = 0;
    this.seenCampaign = undefined;
    this.grants = 0;
    this.closedGrants = 0;
    this.refusals.clear();
  }

  /** The state machine takes one more entry: it is a running hash of all it was given. */
  takeApplied({ logId }: Entry): void {
    this.appliedHash = mix(this.appliedHash, logId.term * 65_536 + logId.index);
    this.applied = logId.index;
  }

  /** Reads the disk as the runtime does after a start, and sets memory to what is there. */
  recover(options: { applied: number }): RecoveredState {
    this.log = [...this.disk.log];
    this.changes = this.log.filter(({ payload }) => payload.type === 'membership');
    this.applied = 0;
    this.appliedHash = 0;
    for (const entry of this.log.slice(1, options.applied + 1)) this.takeApplied(entry);
    this.applying = this.applied;
    const last = this.log.at(-1) ?? rootEntry;
    const kept = this.changes.findLastIndex(({ logId }) => logId.index <= options.applied);
    return {
      vote: this.disk.vote,
      termStarts: termStarts(this.log),
      purged: rootEntry.logId,
      last: last.logId,
      applied: (this.log[options.applied] ?? rootEntry).logId,
      memberships: this.changes.slice(Math.max(0, kept)).map(effective),
    };
  }
}

export function nodeAt(id: NodeId): number {
  return Number(id.slice(1)) - 1;
}

function termStarts(log: readonly Entry[]): LogId[] {
  const starts: LogId[] = [];
  let term = -1;
  for (const { logId } of log) {
    if (logId.index > 0 && logId.term !== term) starts.push(logId);
    if (logId.index > 0) term = logId.term;
  }
  return starts;
}

function effective({ logId, payload }: Entry): EffectiveMembership {
  if (payload.type !== 'membership') throw new Error(`entry ${logId.index} holds no membership`);
  return { ...payload.membership, logId };
}
