import type { Action } from '../../src/core/action.ts';
import type { Event } from '../../src/core/event.ts';
import type { InstallSnapshotRequest } from '../../src/core/message.ts';
import type { Term } from '../../src/core/types.ts';
import type { History } from './history.ts';
import type { Message } from './message.ts';
import type { Recorder } from './recorder.ts';
import type { Reception, SavedSnapshot } from './saved-snapshot.ts';
import { snapshotSize } from './saved-snapshot.ts';
import { SnapshotOracle } from './snapshot-oracle.ts';
import { demand } from './violation.ts';
import { effective, nodeAt, nodeName, type WalkNode } from './walk-node.ts';

interface Sent {
  readonly rpc: InstallSnapshotRequest;
  readonly snapshot: SavedSnapshot;
}

interface Options {
  readonly recorder: Recorder | undefined;
  readonly give: (node: WalkNode, event: Event) => void;
  readonly send: (message: Message) => void;
}

/** What the runtime does about snapshots: it builds, receives and restores them, and purges. */
export class Snapshots {
  readonly oracle: SnapshotOracle;
  readonly #history: History;
  readonly #options: Options;
  #count = 0;
  /** The one whose arrival is being reported. */
  #arrived: SavedSnapshot | undefined = undefined;

  constructor(history: History, options: Options) {
    this.oracle = new SnapshotOracle(history);
    this.#history = history;
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

  /** Begins a snapshot of what is applied. Returns `false` if there is nothing new to keep. */
  build(node: WalkNode): boolean {
    if (node.building !== undefined || node.restores.length > 0) return false;
    if (node.applied <= node.disk.snapshotIndex) return false;
    const entry = node.log[node.applied];
    const change = node.changeAt(node.applied);
    if (entry === undefined || change === undefined) return false;
    this.#options.recorder?.note('build', node.id);
    this.#count += 1;
    const id = `s${this.#count}`;
    const meta = { id, lastLogId: entry.logId, membership: effective(change) };
    node.building = { meta, entry, hash: node.appliedHash };
    return true;
  }

  /** What was being built is on the disk, and the log up to `purgeTo` may go. */
  saveBuilt(node: WalkNode, purgeTo: number): void {
    const { building: built } = node;
    if (built === undefined) return;
    this.#options.recorder?.note('save', node.id, { purge: purgeTo });
    node.building = undefined;
    this.oracle.onSaved(node, built);
    node.disk.save(built);
    this.#history.marks.snapshotsBuilt += 1;
    this.#options.give(node, { type: 'snapshotBuilt', meta: built.meta, purgeTo });
    if (node.isUp && node.state.purgeTo > node.purged) this.#history.marks.purgesPutOff += 1;
  }

  /** A leader sends its snapshot without being asked. Returns the call, which is under way. */
  sendUnasked(node: WalkNode, to: number): Message | undefined {
    const { snapshot } = node.disk;
    if (snapshot === undefined || !node.leads || to === node.at) return undefined;
    this.#options.recorder?.note('send-snapshot', node.id, { to: nodeName(to) });
    const sent = this.#request(node, snapshot, { term: node.state.term, to });
    const { at: from, incarnation, campaignCount: campaign } = node;
    const head = { from, to, call: 0, incarnation, campaign };
    const message = { type: 'installSnapshot', ...head, ...sent } as const;
    this.#options.send(message);
    return message;
  }

  /** How much of what is being received is on the disk; `undefined` if it cannot go on there. */
  storedOf({ receptions, disk }: WalkNode, place: number): number | undefined {
    const one = receptions[place];
    if (one === undefined || one.isSaved || one.isOver) return undefined;
    const stored = disk.received.id === one.rpc.meta.id ? disk.received.size : 0;
    return one.rpc.offset === stored ? stored : undefined;
  }

  /** A part more is on the disk, and no more will come. */
  breakOff(node: WalkNode, place: number, stored: number): void {
    const one = node.receptions[place];
    if (one === undefined) return;
    this.#options.recorder?.note('break', node.id, { place, stored });
    node.disk.received = { id: one.rpc.meta.id, size: stored };
    one.isOver = true;
  }

  /** All of it is on the disk, and nobody was told. */
  receiveAll(node: WalkNode, place: number): void {
    const one = node.receptions[place];
    if (one === undefined) return;
    this.#options.recorder?.note('receive', node.id, { place });
    this.oracle.onSaved(node, one.snapshot);
    one.isSaved = true;
    node.disk.received = { id: '', size: 0 };
    node.disk.save(one.snapshot);
  }

  /** The core hears what became of it. */
  tellReceived(node: WalkNode, place: number): void {
    const one = node.receptions[place];
    if (one === undefined) return;
    this.#options.recorder?.note('received', node.id, { place });
    node.receptions.splice(place, 1);
    if (one.isSaved) {
      this.#reportReceived(node, one);
      return;
    }
    this.#history.marks.snapshotsBroken += 1;
    const { received } = node.disk;
    const stored = received.id === one.rpc.meta.id ? received.size : 0;
    this.#options.give(node, { type: 'snapshotFailed', request: one.request, stored });
  }

  /** The state machine takes over the oldest snapshot that waits for that, or the one after it. */
  restoreNext(node: WalkNode, { skips }: { skips: boolean }): void {
    const isSkipping = skips && node.restores.length > 1;
    if (isSkipping) node.restores.shift();
    const next = node.restores.shift();
    if (next === undefined) return;
    this.#options.recorder?.note('restore', node.id, isSkipping ? { skip: 1 } : {});
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
