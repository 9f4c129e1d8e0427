import type { Action } from '../../../src/core/action.ts';
import type { Event } from '../../../src/core/event.ts';
import type { CoreState } from '../../../src/core/state.ts';
import type { Entry, LogId, Membership, SnapshotMeta } from '../../../src/core/types.ts';
import { isSame } from './hash.ts';
import { type Ledger, nameOf } from './ledger.ts';
import type { SeenNode } from './seen-node.ts';
import { demand } from './violation.ts';

type Persist = Extract<Action, { type: 'persist' }>;

/**
 * Watches how the logs in memory change, and the memberships with them: S5, S6, S7, S13, S17, the
 * changes of S16, and what S19 says of the log that a snapshot leaves.
 */
export class LogOracle {
  readonly #ledger: Ledger;
  /** Memberships of live cores that were compared with their entries. */
  readonly #compared = new WeakSet<object>();

  /** Nodes whose log has lost something in this step, at its end or at its start. */
  readonly #changed = new Set<SeenNode>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** The core wants its log changed; the node's shadow still is what it was. */
  onPersist(node: SeenNode, event: Event, write: Persist, state: Readonly<CoreState>): void {
    demand(
      write.write === node.lastWrite + 1,
      'S24',
      () => `${node.id} asked for write ${write.write} after write ${node.lastWrite}`,
    );
    node.lastWrite = write.write;
    const { truncate, append = [] } = write;
    node.ask(write);
    if (truncate !== undefined) this.#onTruncate(node, event, truncate, state.term);
    for (const entry of append) this.#onAppend(node, event, entry, state);
  }

  /** A leader died in the middle of a step: others may have what it appended in it. */
  onCutShort(node: SeenNode, { term }: Readonly<CoreState>): void {
    const untold = node.asked.filter(({ write }) => write > node.lastWrite);
    for (const entry of untold.flatMap(({ append }) => append)) {
      if (entry.logId.term !== term) continue;
      this.#ledger.tree.make(node.id, node.log.last, entry);
      if (node.leadsTerm === term) this.#ledger.logs.get(term)?.append(term);
      node.log.append(term);
      if (entry.payload.type === 'membership') node.changes.push(entry.logId);
    }
  }

  /** The start of the log goes. What goes is committed, and a snapshot on the disk has it. */
  onPurge(node: SeenNode, logId: LogId): void {
    const { index } = logId;
    demand(
      this.#ledger.isCommitted(logId) && index > node.log.purged.index,
      'S19',
      () => `${node.id} purges ${nameOf(logId)} after ${node.log.purged.index}, not as committed`,
    );
    demand(
      index <= node.disk.snapshot.index,
      'S19',
      () => `${node.id} purges to ${index}, and its snapshot ends at ${node.disk.snapshot.index}`,
    );
    node.log.purge(logId);
  }

  /** A received snapshot takes the place of the log up to its end. */
  onInstall(node: SeenNode, meta: SnapshotMeta): void {
    const { lastLogId, membership } = meta;
    demand(
      lastLogId.index > node.committed,
      'S19',
      () => `${node.id} goes back to ${lastLogId.index}, with ${node.committed} committed`,
    );
    this.checkSnapshot(node, meta);
    const { index } = lastLogId;
    const last = node.log.last.index;
    const rest = node.changes.filter((change) => change.index > index && change.index <= last);
    node.changes = [membership.logId, ...rest];
    this.#changed.add(node);
    this.#ledger.seen.snapshotsInstalled += 1;
  }

  /** What a snapshot says of itself is what was committed up to its end. */
  checkSnapshot(node: SeenNode, { id, lastLogId, membership }: SnapshotMeta): void {
    const { tree } = this.#ledger;
    const change = this.#ledger.changeAt(lastLogId.index);
    const { logId } = membership;
    demand(
      this.#ledger.isCommitted(lastLogId) &&
        change.index === logId.index &&
        change.term === logId.term &&
        isSameMembership(membership, tree.membershipOf(change)),
      'S19',
      () =>
        `${node.id} has a snapshot ${id} of ${nameOf(lastLogId)} with the membership of ` +
        `${nameOf(logId)}, and that is not what was committed`,
    );
  }

  /** The core goes by the log and the membership that its events made, and by no other. */
  afterStep(node: SeenNode, { log, membership }: Readonly<CoreState>): void {
    const { last, purged } = node.log;
    demand(
      log.last.index === last.index &&
        log.last.term === last.term &&
        log.purged.index === purged.index &&
        log.purged.term === purged.term,
      'S13',
      () =>
        `${node.id} thinks that its log is ${log.purged.index} to ${nameOf(log.last)}, ` +
        `and it is ${purged.index} to ${nameOf(last)}`,
    );
    if (this.#changed.delete(node)) this.#recount(node);
    const { change } = node;
    demand(
      membership.logId.index === change.index && membership.logId.term === change.term,
      'S17',
      () => `${node.id} goes by ${nameOf(membership.logId)}, and its log has ${nameOf(change)}`,
    );
    if (this.#compared.has(membership)) return;
    this.#compared.add(membership);
    demand(
      change.index === 0 || isSameMembership(membership, this.#ledger.tree.membershipOf(change)),
      'S17',
      () => `${node.id} goes by a membership that is not that of ${nameOf(change)}`,
    );
  }

  #onAppend(node: SeenNode, event: Event, entry: Entry, state: Readonly<CoreState>): void {
    const { tree, logs } = this.#ledger;
    const { logId, payload } = entry;
    const parent = node.log.last;
    if (event.type === 'appendEntries') tree.take(node.id, parent, entry);
    else {
      const isFirst = event.type === 'initialize';
      demand(
        isFirst || logId.term === state.term,
        'S7',
        () => `${node.id} made ${nameOf(logId)} in term ${state.term}`,
      );
      tree.make(node.id, parent, entry);
      if (!isFirst && payload.type === 'membership') this.#onChange(node, entry, state);
      if (node.leadsTerm === logId.term && !isFirst) logs.get(logId.term)?.append(logId.term);
    }
    node.log.append(logId.term);
    if (payload.type === 'membership') node.changes.push(logId);
  }

  #onTruncate(node: SeenNode, event: Event, index: number, own: number): void {
    const { log } = node;
    this.#ledger.seen.truncations += 1;
    demand(
      node.leadsTerm === 0 || node.leadsTerm !== own,
      'S5',
      () => `${node.id} truncated to ${index} while it led term ${node.leadsTerm}`,
    );
    demand(
      index >= node.committed && index >= log.purged.index && index < log.last.index,
      'S13',
      () =>
        `${node.id} truncated its log, which ends at ${log.last.index}, to ${index}, ` +
        `with ${node.committed} committed`,
    );
    demand(event.type === 'appendEntries', 'S13', () => `${node.id} truncated at ${event.type}`);
    const { term, leader } = event.rpc;
    const theirs = (at: number): number | undefined => this.#ledger.termOfLeaderAt(term, at);
    demand(
      theirs(index) === log.termAt(index),
      'S13',
      () => `${node.id} truncated to ${index}, where it does not agree with ${leader}`,
    );
    const first = theirs(index + 1);
    demand(
      first !== undefined && first !== log.termAt(index + 1),
      'S13',
      () => `${node.id} truncated to ${index}, though entry ${index + 1} is no conflict`,
    );
    log.truncate(index);
    while (node.changes.length > 0 && node.change.index > index) node.changes.pop();
    this.#changed.add(node);
  }

  /** The newest membership is looked for anew, from the end of the log to what it stands on. */
  #recount({ id, log, change }: SeenNode): void {
    const { tree } = this.#ledger;
    let { index } = log.last;
    const termAt = (at: number): number => log.termAt(at) ?? -1;
    while (index > log.purged.index) {
      if (tree.membershipOf({ term: termAt(index), index }) !== undefined) break;
      index -= 1;
    }
    const isInLog = index > log.purged.index;
    const found = isInLog ? { term: termAt(index), index } : this.#ledger.changeAt(index);
    demand(
      found.index === change.index && found.term === change.term,
      'S17',
      () =>
        `${id} has ${nameOf(found)} as its newest membership, and went on with ${nameOf(change)}`,
    );
  }

  /** A leader appends a membership: one at a time, in one step, after a commit in its own term. */
  #onChange(node: SeenNode, entry: Entry, state: Readonly<CoreState>): void {
    const { committed } = state;
    const { change } = node;
    demand(
      change.index <= committed,
      'S16',
      () => `${node.id} began a change while that of ${nameOf(change)} was under way`,
    );
    demand(
      node.log.termAt(committed) === state.term,
      'S16',
      () => `${node.id} began a change before it had committed an entry of term ${state.term}`,
    );
    const from = this.#ledger.votersOf(change);
    const to = this.#ledger.votersOf(entry.logId);
    const [before, after] = [from.at(-1) ?? [], to[0] ?? []];
    const isStep =
      (from.length === 1 && to.length <= 2 && isSame(before, after)) ||
      (from.length === 2 && to.length === 1 && isSame(before, after));
    const show = (voters: Membership['voters']): string =>
      voters.map((set) => `{${set.join(',')}}`).join('+');
    demand(isStep, 'S16', () => `the voters went from ${show(from)} to ${show(to)} at once`);
  }
}

/** Compares what two memberships say; a log id beside one is no part of that. */
function isSameMembership(left: Membership, right: Membership | undefined): boolean {
  return (
    right !== undefined && isSame({ ...left, logId: undefined }, { ...right, logId: undefined })
  );
}
