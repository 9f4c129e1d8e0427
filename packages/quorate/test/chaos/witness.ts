import type { Findings } from './findings.ts';
import type { Picture } from './protocol.ts';

/**
 * Compares what the nodes tell of themselves while the chaos goes on: who leads in which term, and
 * what the state machines went through.
 */
export class Witness {
  readonly #findings: Findings;
  readonly #leaders = new Map<number, string>();
  readonly #chains = new Map<number, { readonly name: string; readonly chain: string }>();
  readonly #terms = new Map<string, number>();
  readonly #last = new Map<string, Picture>();
  /** Nodes that are to be removed, or were. */
  readonly #dismissed = new Set<string>();
  snapshotsBuilt = 0;
  snapshotsReceived = 0;
  comparedChains = 0;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  get leaderCount(): number {
    return this.#leaders.size;
  }

  /** Its counts begin anew. */
  starts(name: string): void {
    this.#last.delete(name);
  }

  /** From now on it may find out that it has no place any more. */
  dismisses(name: string): void {
    this.#dismissed.add(name);
  }

  sees(name: string, picture: Picture): void {
    const { role, term, isRunning, fatal, quarantine } = picture;
    const before = this.#last.get(name);
    this.snapshotsBuilt += picture.snapshotsBuilt - (before?.snapshotsBuilt ?? 0);
    this.snapshotsReceived += picture.snapshotsReceived - (before?.snapshotsReceived ?? 0);
    this.#last.set(name, picture);

    const knownTerm = this.#terms.get(name) ?? 0;
    if (term < knownTerm) {
      const text = `Node ${name} is in term ${term} after it was in term ${knownTerm}.`;
      this.#findings.add('term-went-back', text);
    }
    this.#terms.set(name, term);
    if (role === 'leader' && isRunning) this.#leads(name, term);
    if (fatal !== undefined) {
      this.#findings.add('node-stopped', `Node ${name} stopped by itself: ${fatal}`);
    }
    if (quarantine !== undefined && !this.#dismissed.has(name)) {
      const text = `Node ${name} went into quarantine, though its disk is its own: ${quarantine}`;
      this.#findings.add('wrong-quarantine', text);
    }
  }

  compares(name: string, { index, chain }: { index: number; chain: string }): void {
    const known = this.#chains.get(index);
    if (known === undefined) {
      this.#chains.set(index, { name, chain });
      return;
    }
    this.comparedChains += 1;
    if (known.chain === chain) return;
    const text = `Up to entry ${index}, node ${name} has applied something other than ${known.name}.`;
    this.#findings.add('states-differ', text);
  }

  #leads(name: string, term: number): void {
    const known = this.#leaders.get(term) ?? name;
    this.#leaders.set(term, known);
    if (known === name) return;
    this.#findings.add('two-leaders', `Nodes ${known} and ${name} both lead in term ${term}.`);
  }
}
