import { noLogId } from '../../../src/core/log-shape.ts';
import type { Entry, LogId, LogIndex } from '../../../src/core/types.ts';
import type { Durable } from '../hooks.ts';
import { isSame, payloadHash } from './hash.ts';
import { type Ledger, nameOf } from './ledger.ts';
import { type AskedWrite, noVote, type SeenNode } from './seen-node.ts';
import { TermList } from './term-list.ts';
import { demand } from './violation.ts';

/**
 * Compares what a start found on the disk with what that disk had acknowledged: all of it is there,
 * and besides it only what was on its way. This is S3, S4 and S19 over a crash, content included.
 */
export class RecoveryOracle {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** The shadow of the node begins anew with what was found. */
  onRecovered(node: SeenNode, found: Durable, acknowledged: Durable): void {
    this.#ledger.seen.recoveries += 1;
    if (!node.isCopy) {
      this.#checkVote(node, found);
      this.#checkSnapshot(node, found);
      this.#checkEntries(node, found);
    }
    this.#checkContent(node, found, acknowledged);
    begin(node, found);
    // What contradicts the snapshot is gone from the log by now, and so are the changes in it.
    const { index: last } = node.log.last;
    node.changes = this.#changesIn(found).filter(({ index }) => index <= last);
  }

  #checkVote(node: SeenNode, { vote = noVote }: Durable): void {
    const before = node.disk.vote;
    const isKept = vote.term === before.term && vote.votedFor === before.votedFor;
    const wasAsked = node.asked.some(
      ({ vote: asked }) => asked?.term === vote.term && asked.votedFor === vote.votedFor,
    );
    demand(
      isKept || wasAsked,
      'S3',
      () =>
        `${node.id} came back with a vote for ${vote.votedFor} in term ${vote.term}; its disk had ` +
        `acknowledged ${before.votedFor} in ${before.term}`,
    );
  }

  #checkSnapshot(node: SeenNode, { snapshot, purged }: Durable): void {
    const { index } = snapshot?.lastLogId ?? noLogId;
    const { disk } = node;
    demand(
      index >= disk.snapshot.index && purged.index >= disk.log.purged.index,
      'S19',
      () =>
        `${node.id} came back with a snapshot up to ${index} and a log from ${purged.index + 1}; ` +
        `its disk had ${disk.snapshot.index} and ${disk.log.purged.index + 1}`,
    );
    demand(
      purged.index <= index,
      'S19',
      () => `${node.id} has purged ${purged.index} entries, and a snapshot of ${index}`,
    );
    const isTrue = snapshot === undefined || this.#ledger.isCommitted(snapshot.lastLogId);
    demand(isTrue, 'S19', () => `${node.id} came back with a snapshot of what nobody committed`);
  }

  /** What was acknowledged is there, unless it was to be cut off by what was on its way. */
  #checkEntries(node: SeenNode, { purged, entries, snapshot }: Durable): void {
    const { log } = node.disk;
    // A purge of what the log holds in another form leaves nothing of it, acknowledged or not.
    const isEmptied = purged.index > log.purged.index && log.termAt(purged.index) !== purged.term;
    const end = isEmptied ? purged.index : Math.min(log.last.index, lowestCut(node.asked));
    const covered = snapshot?.lastLogId.index ?? 0;
    const first = Math.max(log.purged.index, purged.index, covered) + 1;
    for (let index = first; index <= end; index += 1) {
      const term = entries[index - purged.index - 1]?.logId.term;
      demand(
        term === log.termAt(index) || isAsked(node.asked, { term: term ?? -1, index }),
        'S4',
        () =>
          `${node.id} came back with term ${term} at entry ${index}; its disk had acknowledged ` +
          `term ${log.termAt(index)}`,
      );
    }
  }

  /** Every entry is one that somebody made, and follows what it followed there. */
  #checkContent(node: SeenNode, { purged, entries }: Durable, acknowledged: Durable): void {
    const { tree } = this.#ledger;
    let parent = purged;
    for (const entry of entries) {
      // The step that made it was the last of its life, and was never told of.
      const isNew = tree.find(entry.logId) === undefined && isAsked(node.asked, entry.logId);
      if (isNew) tree.make(node.id, parent, entry);
      tree.check(node.id, parent, entry);
      parent = entry.logId;
    }
    for (const entry of acknowledged.entries) {
      const found = entries[entry.logId.index - purged.index - 1];
      if (found?.logId.term !== entry.logId.term) continue;
      demand(
        payloadHash(found.payload) === payloadHash(entry.payload),
        'S4',
        () => `${node.id} came back with another content of ${nameOf(entry.logId)}`,
      );
    }
  }

  #changesIn({ snapshot, entries }: Durable): LogId[] {
    const first = snapshot === undefined ? [] : [snapshot.membership.logId];
    const index = snapshot?.lastLogId.index ?? 0;
    const isNewer = ({ logId, payload }: Entry): boolean =>
      payload.type === 'membership' && logId.index > index;
    return [...first, ...entries.filter(isNewer).map(({ logId }) => logId)];
  }
}

/** Compares what somebody else notes of the same disk: two accounts of it must agree. */
export function checkAccount({ id, disk }: SeenNode, durable: Durable): void {
  const last = durable.entries.at(-1)?.logId ?? durable.purged;
  const own = disk.log.last;
  demand(
    isSame(durable.vote ?? noVote, disk.vote) && isSame(last, own),
    'S26',
    () => `the account of ${id}'s disk ends at ${nameOf(last)}, and the oracle's at ${nameOf(own)}`,
  );
}

function begin(node: SeenNode, { vote = noVote, purged, entries, snapshot }: Durable): void {
  const terms = entries.map(({ logId }) => logId.term);
  const covered = snapshot?.lastLogId ?? noLogId;
  node.disk.save(vote);
  node.disk.log = new TermList(purged, terms);
  node.disk.logBefore = undefined;
  node.disk.snapshot = covered;
  node.log = new TermList(purged, terms);
  // A snapshot that the log does not reach, or that it contradicts, is where the log begins.
  if (node.log.termAt(covered.index) !== covered.term) node.log.purge(covered);
  node.isUp = true;
  node.diskFailure = undefined;
  node.isDiskDead = false;
  node.asked = [];
  node.lastWrite = 0;
  node.term = vote.term;
  node.machineIndex = 0;
  node.committed = covered.index;
  node.applying = covered.index;
  node.leadsTerm = 0;
  node.campaign = undefined;
  node.lastCampaign = undefined;
  node.electionAt = Infinity;
  node.leaderHeardAt = -Infinity;
}

function lowestCut(asked: readonly AskedWrite[]): LogIndex {
  return Math.min(Infinity, ...asked.map(({ truncate }) => truncate ?? Infinity));
}

function isAsked(asked: readonly AskedWrite[], { term, index }: LogId): boolean {
  return asked.some(({ append }) =>
    append.some(({ logId }) => logId.index === index && logId.term === term),
  );
}
