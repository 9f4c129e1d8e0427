import type { Mark } from '../../store/machine.ts';

/** As many places are remembered; who asks for an older one is told that it is not known. */
const maxMarks = 64;

/** What the state of this member was at the newest marks that it has applied. */
export class Marks {
  readonly #marks = new Map<number, Mark>();
  #newest: Mark | undefined;

  get newest(): Mark | undefined {
    return this.#newest;
  }

  /** By the index of the log. */
  at(index: number): Mark | undefined {
    return this.#marks.get(index);
  }

  keep(mark: Mark): void {
    this.#newest = mark;
    this.#marks.set(mark.index, mark);
    for (const oldest of this.#marks.keys()) {
      if (this.#marks.size <= maxMarks) break;
      this.#marks.delete(oldest);
    }
  }

  /** What was remembered is about a state that is gone. */
  clear(): void {
    this.#marks.clear();
    this.#newest = undefined;
  }
}
