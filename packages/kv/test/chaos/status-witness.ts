import type { Findings } from '../../../quorate/test/chaos/findings.ts';
import type { KvStatus } from '../../src/types.ts';

/** Compares what the members say of themselves while the chaos goes on. */
export class StatusWitness {
  readonly #findings: Findings;
  readonly #leaders = new Map<number, string>();
  readonly #terms = new Map<string, number>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  get leaderCount(): number {
    return this.#leaders.size;
  }

  sees(name: string, { role, term, isServing, problems }: KvStatus): void {
    if (role === 'starting') return; // It does not know its term yet.
    const last = this.#terms.get(name) ?? 0;
    if (term < last) {
      const text = `Member ${name} is in term ${term} after it was in term ${last}.`;
      this.#findings.add('term-went-back', text);
    }
    this.#terms.set(name, term);
    if (!isServing) {
      const text = `Member ${name} has gone out of service: ${problems.join(' ')}`;
      this.#findings.add('out-of-service', text);
    }
    if (role === 'leader') this.#leads(name, term);
  }

  #leads(name: string, term: number): void {
    const known = this.#leaders.get(term) ?? name;
    this.#leaders.set(term, known);
    if (known === name) return;
    this.#findings.add('two-leaders', `Members ${known} and ${name} both lead in term ${term}.`);
  }
}
