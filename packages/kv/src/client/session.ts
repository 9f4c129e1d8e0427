/**
 * A name by which the cluster tells a repeated write from a new one (Raft thesis 6.3). Numbers
 * under way at once lie within `span` of each other, since the cluster remembers the newest ones.
 */
export class ClientSession {
  readonly id: number;
  readonly #span: number;
  /** In the order of their numbers. */
  readonly #underWay = new Set<number>();
  #last = 0;
  /** The cluster has forgotten it: nothing new is written in it. */
  isExpired = false;

  constructor(id: number, span: number) {
    this.id = id;
    this.#span = span;
  }

  get hasRoom(): boolean {
    for (const lowest of this.#underWay) return this.#last + 1 < lowest + this.#span;
    return true;
  }

  /** The number of the next message, to be used by all of its tries. */
  begin(): number {
    this.#last += 1;
    this.#underWay.add(this.#last);
    return this.#last;
  }

  /** No try of that message follows. */
  end(sequence: number): void {
    this.#underWay.delete(sequence);
  }
}
