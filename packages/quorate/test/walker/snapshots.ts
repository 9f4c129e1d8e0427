import type { Action } from '../../src/core/action.ts';
import type { Event } from '../../src/core/event.ts';
import type { InstallSnapshotRequest } from '../../src/core/message.ts';
import type { Term } from '../../src/core/types.ts';
import type { History } from './history.ts';
import type { Knobs } from './knobs.ts';
import type { Message } from './message.ts';
import type { Random } from './random.ts';
import type { Reception, SavedSnapshot } from './saved-snapshot.ts';
import { snapshotSize } from './saved-snapshot.ts';
import { SnapshotOracle } from './snapshot-oracle.ts';
import { demand } from './violation.ts';
import { effective, nodeAt, type WalkNode } from './walk-node.ts';

interface Sent {
  readonly rpc: InstallSnapshotRequest;
  readonly snapshot: SavedSnapshot;
}

interface Options {
  readonly knobs: Knobs;
  readonly give: (node: WalkNode, event: Event) => void;
  readonly crash: (node: WalkNode) => void;
  readonly send: (message: Message) => void;
  readonly deliver: (message: Message) => void;
}

/** What the runtime does about snapshots: it builds, receives and restores them, and purges. */
export class Snapshots {
  readonly oracle: SnapshotOracle;
  readonly #history: History;
  readonly #random: Random;
  readonly #options: Options;
  #count = 0;
  /** The one whose arrival is being reported. */
  #arrived: SavedSnapshot | undefined = undefined;

  constructor(history: History, random: Random, options: Options) {
    this.oracle = new SnapshotOracle(history);
    this.#history = history;
    this.#random = random;
    this.#options = options;
  }

  onStart({ incarnation, disk }: WalkNode): void {
    const { marks, committed } = this.#history;
    const { snapshotIndex, log } = disk;
    if (incarnation === 0 || snapshotIndex === 0) return;
    marks.restartsFromSnapshot += 1;
    if (log.length <= snapshotIndex) marks.restartsFromSnapshotAhead += 1;
    else if (log[snapshotIndex] !== committed[snapshotIndex]) {
      marks.restartsFromSnapshotInConflict += 1;
    }
  }

  // --- What the core asks for --------------------------------------------------------------------

  /** The newest one goes out, from where the other node said to have it. */
  send(node: WalkNode, { call, to, term }: Extract<Action, { type: 'sendSnapshot' }>): Sent {
    const { snapshot } = node.disk;
    demand(snapshot !== undefined, 'S19', () => `${node.id} has no snapshot to send`);
    node.sentSnapshots.set(call, snapshot.entry.logId.index);
    this.#history.marks.snapshotsSent += 1;
    return this.#request(node, snapshot, { term, to: nodeAt(to) });
  }

  receive(node: WalkNode, action: Extract<Action, { type: 'receiveSnapshot' }>): void {
    const question = node.questions.get(action.request);
    const message = question?.type === 'message' ? question.message : undefined;
    demand(
      message?.type === 'installSnapshot' && node.disk.vote.term >= message.rpc.term,
      'S3',
      () => `${node.id} saves a snapshot of a term that it does not have on disk`,
    );
    // The newest call has the store.
    for (const one of node.receptions) if (!one.isSaved) one.isOver = true;
    const { request, rpc } = action;
    const { snapshot } = message;
    node.receptions.push({ request, rpc, snapshot, isOver: false, isSaved: false });
  }

  purge(node: WalkNode, event: Event, { logId }: Extract<Action, { type: 'purge' }>): void {
    this.oracle.onPurge(node, logId);
    const { index } = logId;
    const { committed, marks } = this.#history;
    const entry = committed[index] as (typeof committed)[number];
    const instead = node.log[index] === entry ? [] : committed.slice(0, index + 1);
    if (instead.length > 0) this.#replaceLog(node, event, [...instead]);
    else if (event.type === 'snapshotReceived' && node.log.length > index + 1) {
      marks.installsKeepingRest += 1;
    }
    node.purged = index;
    node.disk.pending.push({ type: 'purge', entry, instead });
    this.oracle.afterPurge(node);
    if (event.type !== 'snapshotReceived') marks.purges += 1;
  }

  restore(node: WalkNode, event: Event, { meta }: Extract<Action, { type: 'restore' }>): void {
    const { index } = meta.lastLogId;
    this.oracle.onRestore(node, event, index);
    const snapshot = this.#arrived;
    demand(snapshot?.meta === meta, 'S19', () => `${node.id} restores what did not arrive`);
    const { marks } = this.#history;
    marks.snapshotsInstalled += 1;
    if (node.restores.length > 0) marks.installsWhileRestoring += 1;
    else if (node.applying > node.applied) marks.installsWhileApplying += 1;
    node.restores.push({ snapshot, applying: node.applying });
    node.applying = index;
  }

  // --- What takes its time -----------------------------------------------------------------------

  /** Begins a snapshot of what is applied, or ends the one under way. */
  build(node: WalkNode): boolean {
    const { building } = node;
    if (building !== undefined) {
      this.#saveBuilt(node, building);
      return true;
    }
    if (node.restores.length > 0 || node.applied <= node.disk.snapshotIndex) return false;
    const entry = node.log[node.applied];
    const change = node.changeAt(node.applied);
    if (entry === undefined || change === undefined) return false;
    this.#count += 1;
    const id = `s${this.#count}`;
    const meta = { id, lastLogId: entry.logId, membership: effective(change) };
    node.building = { meta, entry, hash: node.appliedHash };
    if (this.#random.chance(0.5)) this.#saveBuilt(node, node.building);
    return true;
  }

  /**
   * A leader sends its snapshot to one who may have no need of it, as a call from long ago would:
   * a follower must cope with it at any time of the term.
   */
  sendUnasked(node: WalkNode): boolean {
    const { snapshot } = node.disk;
    if (snapshot === undefined || !node.leads) return false;
    const { nodes } = this.#history;
    const { index } = snapshot.entry.logId;
    const behind = nodes.filter((one) => one.isUp && one.state.committed < index);
    // The hard cases: it has something else there, or more, or a snapshot of its own under way.
    const hard = behind.filter((one) => one.log.length > index || one.building !== undefined);
    const aims = [hard, behind, nodes].filter((aim) => aim.length > 0);
    const aim = this.#random.chance(0.8) ? aims[0] : nodes;
    const to = this.#random.pick(aim ?? nodes).at;
    if (to === node.at) return false;
    const sent = this.#request(node, snapshot, { term: node.state.term, to });
    const { at: from, incarnation, campaignCount: campaign } = node;
    const head = { from, to, call: 0, incarnation, campaign };
    const message = { type: 'installSnapshot', ...head, ...sent } as const;
    if (this.#random.chance(0.3)) {
      this.#options.send(message);
      return true;
    }
    // It overtakes all that could make it needless.
    this.#options.deliver(message);
    const receiver = nodes[to];
    if (receiver?.isUp === true) this.goOnReceiving(receiver, { isCalm: false });
    return true;
  }

  /** Goes on with what is being received: a part of it, all of it, or the news of it. */
  goOnReceiving(node: WalkNode, options: { isCalm: boolean }): boolean {
    const { receptions, disk } = node;
    if (receptions.length === 0) return false;
    const place = this.#random.below(receptions.length);
    const one = receptions[place] as Reception;
    const { id } = one.rpc.meta;
    const stored = disk.received.id === id ? disk.received.size : 0;
    const isElsewhere = one.rpc.offset !== stored;
    if (!one.isSaved && !one.isOver && !isElsewhere) {
      const isBroken = !options.isCalm && this.#random.chance(this.#options.knobs.brokenness);
      if (isBroken) {
        disk.received = { id, size: stored + this.#random.below(snapshotSize - stored) };
      } else {
        this.oracle.onSaved(node, one.snapshot);
        one.isSaved = true;
        disk.received = { id: '', size: 0 };
        disk.save(one.snapshot);
        if (!options.isCalm && this.#random.chance(this.#options.knobs.crashAfterSave)) {
          this.#options.crash(node);
          return true;
        }
        if (!options.isCalm && this.#random.chance(0.5)) return true;
      }
    }
    receptions.splice(place, 1);
    if (one.isSaved) this.#reportReceived(node, one);
    else {
      this.#history.marks.snapshotsBroken += 1;
      const { size } = disk.received.id === id ? disk.received : { size: 0 };
      this.#options.give(node, { type: 'snapshotFailed', request: one.request, stored: size });
    }
    return true;
  }

  /** The state machine takes over the oldest snapshot that waits for that, and maybe skips it. */
  restoreNext(node: WalkNode): void {
    if (node.restores.length > 1 && this.#random.chance(0.5)) node.restores.shift();
    const next = node.restores.shift();
    if (next === undefined) return;
    this.oracle.onRestored(node, next);
    node.appliedHash = next.snapshot.hash;
    node.applied = next.snapshot.entry.logId.index;
    if (node.leads) this.#history.marks.restoresWhileLeading += 1;
    this.#options.give(node, { type: 'applied', index: node.applied });
  }

  #request(
    node: WalkNode,
    snapshot: SavedSnapshot,
    { term, to }: { term: Term; to: number },
  ): Sent {
    const { meta, hash } = snapshot;
    const offset = node.stored[to] ?? 0;
    const what = { term, leader: node.id, meta, offset };
    return { rpc: { ...what, size: snapshotSize, checksum: hash }, snapshot };
  }

  #saveBuilt(node: WalkNode, built: SavedSnapshot): void {
    node.building = undefined;
    this.oracle.onSaved(node, built);
    node.disk.save(built);
    const { index } = built.meta.lastLogId;
    const { keptEntries } = this.#options.knobs;
    // What is to be kept may begin anywhere, even after the snapshot.
    const purgeTo = Math.max(0, index + 2 - this.#random.below(keptEntries + 3));
    this.#history.marks.snapshotsBuilt += 1;
    this.#options.give(node, { type: 'snapshotBuilt', meta: built.meta, purgeTo });
    if (node.isUp && node.state.purgeTo > node.purged) this.#history.marks.purgesPutOff += 1;
  }

  #reportReceived(node: WalkNode, { request, rpc, snapshot }: Reception): void {
    this.#arrived = snapshot;
    const { marks } = this.#history;
    const { term, committed, role } = node.state;
    if (rpc.meta.lastLogId.index <= committed) marks.snapshotsOvertaken += 1;
    else if (term > rpc.term) marks.snapshotsReceivedInNewerTerm += 1;
    this.#options.give(node, { type: 'snapshotReceived', request, meta: rpc.meta });
    if (!node.isUp || role === node.state.role) return;
    if (role === 'learner' || node.state.role === 'learner') marks.rolesChangedBySnapshot += 1;
    if (role === 'candidate') marks.campaignsEndedBySnapshot += 1;
  }

  #replaceLog(node: WalkNode, event: Event, log: WalkNode['log']): void {
    const { marks } = this.#history;
    demand(
      event.type === 'snapshotReceived',
      'S13',
      () => `${node.id} gave up its log at ${event.type}`,
    );
    if (node.log.length < log.length) marks.installsPastTheLog += 1;
    else marks.installsOverConflict += 1;
    node.takeLog(log);
  }
}
