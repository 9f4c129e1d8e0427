import type { RequestId } from '../../src/core/event.ts';
import type { RaftCore, RecoveredState } from '../../src/core/raft-core.ts';
import type { CoreState } from '../../src/core/state.ts';
import type { EffectiveMembership, Entry, LogId, NodeId, Payload } from '../../src/core/types.ts';
import { Disk, rootEntry } from './disk.ts';
import type { Request } from './message.ts';
import { mix } from './random.ts';
import type { Reception, Restore, SavedSnapshot } from './saved-snapshot.ts';
import { demand } from './violation.ts';

/** A question that was put to a node and is not answered yet. */
export type Question =
  | { readonly type: 'message'; readonly message: Request }
  | { readonly type: 'initialize' }
  | { readonly type: 'propose'; readonly payloads: readonly Payload[] }
  /** What anybody had committed when the read was asked: the answer must cover it. */
  | { readonly type: 'readIndex'; readonly mode: 'quorum' | 'lease'; readonly floor: number }
  | { readonly type: 'changeMembership' }
  | { readonly type: 'transferLeadership' };

/** A transfer that was begun on a node and is not answered. */
export interface WalkTransfer {
  readonly request: RequestId;
  readonly askedAt: number;
  /** Its target was sent the request to take over. */
  isTargetAsked: boolean;
}

/** A disk as it was before it lost something: what was promised by it and is gone. */
export interface Lost {
  readonly log: readonly Entry[];
  readonly snapshotIndex: number;
}

/** One node of a walk: its core, what the runtime around it would hold, and what was seen of it. */
export class WalkNode {
  readonly at: number;
  readonly id: NodeId;
  readonly bit: number;
  readonly disk: Disk = new Disk();
  /** Never goes back while the node runs. */
  clock = 0;
  /** How fast it goes where time passes for all. */
  rate = 1;
  /** In quarantine, in this process and in every later one. */
  isQuarantined = false;
  /** What the disk once had and has lost. */
  readonly lost: Lost[] = [];
  /** Reads of this node that its leader was asked for, and what each has to cover. */
  readonly reads: Map<number, number> = new Map();
  #lastRead = 0;
  /** The transfer that was begun here and is not answered, and when that was. */
  transfer: WalkTransfer | undefined = undefined;
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
  unreported: { readonly call: number; readonly previous: number; readonly last: number }[] = [];
  /** Up to here the log is gone, for the core; the disk may follow. */
  purged = 0;
  /** A snapshot of what was applied a while ago, on its way to the disk. */
  building: SavedSnapshot | undefined = undefined;
  receptions: Reception[] = [];
  restores: Restore[] = [];
  /** How much of a snapshot each other node said to have, by place. */
  readonly stored: number[] = [];
  /** What the snapshot covers that went out with a call. */
  readonly sentSnapshots: Map<number, number> = new Map();

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
    this.id = nodeName(at);
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

  /** Notes a read that is to be asked of the leader. Returns its number. */
  beginRead(floor: number): number {
    this.#lastRead += 1;
    this.reads.set(this.#lastRead, floor);
    return this.#lastRead;
  }

  stop(): void {
    this.#core = undefined;
    this.reads.clear();
    this.transfer = undefined;
    this.questions.clear();
    this.unreported.length = 0;
    this.building = undefined;
    this.receptions = [];
    this.restores = [];
    this.stored.length = 0;
    this.sentSnapshots.clear();
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
  takeApplied(entry: Entry): void {
    this.appliedHash = stateAfter(this.appliedHash, entry);
    this.applied = entry.logId.index;
  }

  /** Puts a log in the place of the one in memory. */
  takeLog(log: Entry[]): void {
    this.log = log;
    this.changes = log.filter(({ payload }) => payload.type === 'membership');
  }

  /** The newest membership that the first `index` entries bring. */
  changeAt(index: number): Entry | undefined {
    return this.changes.findLast(({ logId }) => logId.index <= index);
  }

  /**
   * Reads the disk as the runtime does after a start, and sets memory to what is there. The log
   * begins where the snapshot ends if it does not reach so far, or knows another entry there.
   */
  recover(options: { applied: number; committed: readonly Entry[] }): RecoveredState {
    const { disk } = this;
    const { snapshot, snapshotIndex } = disk;
    demand(disk.purged <= snapshotIndex, 'S19', () => `${this.id} has lost what it purged`);
    if (snapshot !== undefined && disk.log[snapshotIndex] !== snapshot.entry) {
      const instead = options.committed.slice(0, snapshotIndex + 1);
      disk.purge({ entry: snapshot.entry, instead });
    }
    const applied = Math.max(options.applied, snapshotIndex);
    this.takeLog([...disk.log]);
    this.purged = disk.purged;
    this.applied = snapshotIndex;
    this.appliedHash = snapshot?.hash ?? 0;
    for (const entry of this.log.slice(snapshotIndex + 1, applied + 1)) this.takeApplied(entry);
    this.applying = this.applied;
    const last = this.log.at(-1) ?? rootEntry;
    const isPurged = disk.purged > 0 && snapshot !== undefined;
    const isNewer = ({ logId }: Entry): boolean => logId.index > snapshotIndex;
    return {
      vote: disk.vote,
      termStarts: termStarts(this.log.slice(disk.purged + 1)),
      purged: (this.log[disk.purged] ?? rootEntry).logId,
      last: last.logId,
      snapshot: (snapshot?.entry ?? rootEntry).logId,
      applied: (this.log[applied] ?? rootEntry).logId,
      memberships: isPurged
        ? [snapshot.meta.membership, ...this.changes.filter(isNewer).map(effective)]
        : this.changes.map(effective),
    };
  }
}

/** The state of a state machine that takes one more entry. */
export function stateAfter(state: number, { logId }: Entry): number {
  return mix(state, logId.term * 65_536 + logId.index);
}

export function nodeName(at: number): NodeId {
  return `n${at + 1}`;
}

export function nodeAt(id: NodeId): number {
  return Number(id.slice(1)) - 1;
}

function termStarts(log: readonly Entry[]): LogId[] {
  const starts: LogId[] = [];
  let term = -1;
  for (const { logId } of log) {
    if (logId.term !== term) starts.push(logId);
    term = logId.term;
  }
  return starts;
}

export function effective({ logId, payload }: Entry): EffectiveMembership {
  if (payload.type !== 'membership') throw new Error(`entry ${logId.index} holds no membership`);
  return { ...payload.membership, logId };
}
