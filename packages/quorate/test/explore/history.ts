import type { NodeId, Term } from '../../src/core/types.ts';
import { demand } from '../walker/violation.ts';
import { isQuorum, type Logs } from './logs.ts';
import type { Commit, Election } from './node-step.ts';
import { Orbits } from './orbits.ts';
import { nodeIds, renamed } from './permutations.ts';

/**
 * What was once seen and no node need know any more. It is a part of the state of the cluster, so
 * that a state says by itself whether something is wrong with how it came about.
 */
export interface History {
  /** All that anybody ever committed, as a log. */
  readonly log: number;
  /** By place: the term in which an entry was committed first. */
  readonly committedIn: readonly Term[];
  readonly leaders: readonly { readonly term: Term; readonly id: NodeId }[];
}

/** Every history that was ever met, by number. */
export class Histories {
  readonly #logs: Logs;
  readonly #orbits: Orbits<History>;

  constructor(logs: Logs) {
    this.#logs = logs;
    this.#orbits = new Orbits<History>((history, permutation) => ({
      ...renamed(history, permutation),
      log: logs.runs.renamed(history.log, permutation),
    }));
  }

  get size(): number {
    return this.#orbits.size;
  }

  get none(): number {
    return this.#orbits.idOf({ log: this.#logs.idOf([]), committedIn: [], leaders: [] });
  }

  data(id: number): History {
    return this.#orbits.data(id);
  }

  renamed(id: number, permutation: number): number {
    return this.#orbits.renamed(id, permutation);
  }

  /** Somebody is elected: nobody else was (S1), by a quorum (S18) that knows what is committed. */
  afterElection(
    id: number,
    election: Election,
    { at, disks }: { at: number; disks: readonly number[] },
  ): number {
    const history = this.data(id);
    const { term, electorate, voters } = election;
    const name = nodeIds[at] as NodeId;
    const other = history.leaders.find((leader) => leader.term === term);
    demand(other === undefined, 'S1', () => `${other?.id} and ${name} both lead term ${term}`);
    demand(
      isQuorum(voters, electorate),
      'S18',
      () => `${name} leads term ${term} without votes of a quorum`,
    );
    const length = this.committedBefore(history, term);
    if (length > 0) {
      const knowing = disks.reduce((bits, disk, place) => {
        return this.#logs.common(history.log, disk) >= length ? bits | (1 << place) : bits;
      }, 0);
      demand(
        (knowing & electorate) !== 0,
        'S16',
        () => `nobody who elected ${name} in term ${term} had the committed entry ${length}`,
      );
    }
    const leaders = [...history.leaders, { term, id: name }].sort((a, b) => a.term - b.term);
    return this.#orbits.idOf({ ...history, leaders });
  }

  /** Somebody moves its commit index: to what all have (S9), and what a quorum has stored (S10). */
  afterCommit(
    id: number,
    commit: Commit,
    { at, disks }: { at: number; disks: readonly number[] },
  ): number {
    const history = this.data(id);
    const { term, voters, log } = commit;
    const name = nodeIds[at] as NodeId;
    const count = this.#logs.run(log).length;
    const known = history.committedIn.length;
    const common = this.#logs.common(log, history.log);
    demand(
      common === Math.min(count, known),
      'S9',
      () => `${name} committed another entry ${common + 1} than was committed before`,
    );
    if (count <= known) return id;
    const holders = disks.reduce((bits, disk, place) => {
      const stored = place === at ? commit.disk : disk;
      return this.#logs.common(log, stored) >= count ? bits | (1 << place) : bits;
    }, 0);
    demand(
      isQuorum(voters, holders),
      'S10',
      () => `${name} committed entry ${count}, which no quorum has on disk`,
    );
    const committedIn = [...history.committedIn, ...Array<Term>(count - known).fill(term)];
    return this.#orbits.idOf({ ...history, log, committedIn });
  }

  /** How many entries were committed in terms before `term`. */
  committedBefore({ committedIn }: History, term: Term): number {
    return committedIn.findLastIndex((older) => older < term) + 1;
  }
}
