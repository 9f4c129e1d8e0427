import type { Event } from '../../src/core/event.ts';
import type { LogId } from '../../src/core/types.ts';
import type { History } from './history.ts';
import type { Restore, SavedSnapshot } from './saved-snapshot.ts';
import { demand } from './violation.ts';
import type { WalkNode } from './walk-node.ts';

/** Watches snapshots, and the start of the log that they stand for: S6, S13 and S19. */
export class SnapshotOracle {
  readonly #history: History;

  constructor(history: History) {
    this.#history = history;
  }

  /** A snapshot is what was committed up to its end, with the membership there. */
  onSaved(node: WalkNode, { meta, entry, hash }: SavedSnapshot): void {
    const { lastLogId, membership } = meta;
    const { index } = lastLogId;
    const { committed } = this.#history;
    const change = committed.findLast(
      ({ logId, payload }) => logId.index <= index && payload.type === 'membership',
    );
    const isRight =
      committed[index] === entry &&
      entry.logId === lastLogId &&
      change?.logId === membership.logId &&
      this.#history.stateAt(index) === hash;
    demand(isRight, 'S6', () => `${node.id} has a snapshot ${meta.id} of what nobody committed`);
  }

  /** The log up to `logId` is to go: a snapshot has it, and nobody needs it any more. */
  onPurge(node: WalkNode, logId: LogId): void {
    const { index, term } = logId;
    const isCommitted = this.#history.committed[index]?.logId.term === term;
    demand(
      isCommitted && index > node.purged && index <= node.disk.snapshotIndex,
      'S19',
      () =>
        `${node.id} purges to ${index} after ${node.purged}: ${node.disk.snapshotIndex} is saved`,
    );
    if (!node.leads) return;
    const { calls, progress } = node.state.leadership ?? { calls: new Map(), progress: new Map() };
    for (const { call, previous } of node.unreported) {
      const isRead = [...progress.values()].some(({ sending }) => sending === call);
      demand(
        !isRead || previous >= index,
        'S19',
        () => `${node.id} purges to ${index}; call ${call} reads from ${previous + 1}`,
      );
    }
    for (const [call, covered] of node.sentSnapshots) {
      demand(
        !calls.has(call) || covered >= index,
        'S19',
        () => `${node.id} purges to ${index}, and sends a snapshot of ${covered} in call ${call}`,
      );
    }
  }

  /** What was applied once is never lost, and a snapshot that is not newer changes nothing. */
  onRestore(node: WalkNode, event: Event, index: number): void {
    demand(
      event.type === 'snapshotReceived' && index > node.seenCommitted && index > node.applied,
      'S13',
      () => `${node.id} goes back to ${index}, with ${node.seenCommitted} committed`,
    );
  }

  onRestored(node: WalkNode, { snapshot }: Restore): void {
    const { index } = snapshot.entry.logId;
    demand(
      index > node.applied && snapshot.hash === this.#history.stateAt(index),
      'S9',
      () => `${node.id} restored ${index} after ${node.applied}, not as it was committed`,
    );
  }

  /** The core has the same log in mind as is there: nothing lost, nothing made up (S13). */
  afterPurge(node: WalkNode): void {
    const { log, last } = node.state;
    const own = node.log.at(-1)?.logId;
    demand(
      own?.index === last.index && own.term === last.term && log.purged.index === node.purged,
      'S13',
      () =>
        `${node.id} has ${node.purged} purged and ends at ${own?.index} of term ${own?.term}, ` +
        `not ${log.purged.index} and ${last.index} of term ${last.term}`,
    );
  }

  /** Entries that are sent have to be there, after the purged end. */
  onRead(node: WalkNode, previous: LogId, last: number): void {
    demand(
      node.log[previous.index]?.logId.term === previous.term && last < node.log.length,
      'S24',
      () => `${node.id} is to send entries ${previous.index} to ${last}, which it does not have`,
    );
    demand(
      previous.index >= node.purged,
      'S19',
      () => `${node.id} is to send from ${previous.index}, purged to ${node.purged}`,
    );
  }
}
