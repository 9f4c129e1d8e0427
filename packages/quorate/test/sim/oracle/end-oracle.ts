import type { LogId, NodeId } from '../../../src/core/types.ts';
import { checkLinearizable } from '../../../src/testing/linearizability.ts';
import type { Fate } from '../clients/call-book.ts';
import { historyModel, type SimOperation } from '../clients/history-model.ts';
import type { Happening, Oracle, SimWorld } from '../hooks.ts';
import { type Image, readImage } from './disk-image.ts';
import { isSame, plainText } from './hash.ts';
import { isQuorum, nameOf } from './ledger.ts';
import type { SimOracle } from './sim-oracle.ts';
import { demand } from './violation.ts';

/** What the clients of a run have to say at its end. */
export interface ClientAccounts {
  readonly isFinished: boolean;
  readonly book: {
    readonly history: readonly SimOperation[];
    readonly fates: ReadonlyMap<string, Fate>;
  };
}

/**
 * So much work goes into the search for an order of one key; beyond it the verdict is "unknown",
 * which is counted and is no failure.
 */
const linearizabilityBounds = { maxSteps: 2_000_000 };

/** What must hold when a run has come to its end: E1 to E5, and E7. E8 and E9 are the clients'. */
export class EndOracle implements Oracle {
  readonly #world: SimWorld;
  readonly #oracle: SimOracle;
  readonly #clients: ClientAccounts;
  #core: readonly NodeId[] | undefined = undefined;

  constructor(world: SimWorld, oracle: SimOracle, clients: ClientAccounts) {
    this.#world = world;
    this.#oracle = oracle;
    this.#clients = clients;
  }

  after(happening: Happening): void {
    if (happening.type !== 'phase' || happening.phase.name !== 'calm') return;
    this.#core = happening.phase.core;
  }

  async atEnd(): Promise<void> {
    if (this.#core !== undefined) {
      const { isFinished } = this.#clients;
      demand(isFinished, 'E1', () => 'the clients had not ended when the calm phase was over');
      this.#checkAgreement(this.#core);
    }
    this.#checkTotals();
    this.#checkHistory();
    await this.#cutPower();
  }

  /** The members of the core have the same log, and the state that the model has (E2). */
  #checkAgreement(core: readonly NodeId[]): void {
    const { model } = this.#oracle.applies;
    const views = core.map((id) => this.#world.nodes.get(id)).filter((view) => view?.isUp === true);
    const leader = views.find((view) => view?.state?.role === 'leader')?.state;
    demand(leader !== undefined, 'E2', () => `nobody of ${core.join(', ')} leads at the end`);
    for (const view of views) {
      const { state, machine, id } = view ?? {};
      if (state === undefined || machine === undefined || id === undefined) continue;
      if (!Object.hasOwn(leader.membership.nodes, id)) continue;
      demand(
        state.applied === leader.last.index && state.last.index === leader.last.index,
        'E2',
        () => `${id} has applied ${state.applied} of ${state.last.index}, of ${leader.last.index}`,
      );
      for (const [key, value] of model.values) {
        demand(
          isSame(machine.get(key), value),
          'E2',
          () => `${id} has ${plainText(machine.get(key))} at ${key}, and it is ${plainText(value)}`,
        );
      }
      demand(
        machine.digest === model.digestAt(leader.last.index),
        'E2',
        () => `${id} ended in another state than its log leads to`,
      );
    }
  }

  /** What is done was done once, what failed never, and of the rest nobody knows more (E4, S22). */
  #checkTotals(): void {
    const { applies } = this.#oracle;
    applies.decide();
    const { model } = applies;
    for (const [command, fate] of this.#clients.book.fates) {
      const count = model.indexesOf(command).length;
      if (fate === 'failed') {
        demand(count === 0, 'S22', () => `${command} was said to have failed, and took effect`);
      }
      const least = fate === 'done' ? 1 : 0;
      demand(
        count >= least && count <= 1,
        'E4',
        () => `${command} took effect ${count} times, and its client was told "${fate}"`,
      );
    }
  }

  /** What the clients saw has an order (E3). */
  #checkHistory(): void {
    const { book } = this.#clients;
    const verdict = checkLinearizable(book.history, historyModel, linearizabilityBounds);
    this.#world.mark(`history ${verdict.type}`);
    demand(verdict.type !== 'not-linearizable', 'E3', () => verdict.text);
  }

  /** The power fails everywhere at once: all that was acknowledged is on the disks (E5, E7). */
  async #cutPower(): Promise<void> {
    const { ledger, applies } = this.#oracle;
    const images = new Map<NodeId, Image>();
    for (const view of this.#world.nodes.values()) {
      const image = await readImage(view, ledger);
      if (image !== undefined) images.set(view.id, image);
    }
    ledger.seen.imagesRead += images.size;
    const indexes = [...images.values()].flatMap((image) => image.indexes);
    const sessions = applies.sessionsAt(new Set(indexes));
    for (const image of images.values()) image.checkAgainst(ledger, applies.model, sessions);
    if (images.size === 0) return;
    const last = ledger.committed[ledger.lastCommitted] as LogId;
    if (last.index === 0 || this.#core === undefined) return;
    const voters = ledger.votersOf(ledger.changeAt(last.index));
    // A disk that was damaged on purpose is not read; what it had acknowledged counts.
    const damaged = [...ledger.holders(last)].filter((id) => this.#world.nodes.get(id)?.hasDamage);
    const read = [...images].filter(([, image]) => image.has(last, ledger)).map(([id]) => id);
    const having = [...read, ...damaged];
    demand(
      isQuorum(voters, new Set(having)),
      'E5',
      () => `after a power cut, only ${having.join(', ')} have the committed ${nameOf(last)}`,
    );
  }
}
