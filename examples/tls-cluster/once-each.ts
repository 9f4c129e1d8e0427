/** Lines that are remembered. */
const capacity = 16;

/**
 * Passes each line on once, for what is tried again and again: a node that is refused comes back
 * several times a second. A line is told anew when 16 others have come since, or after `forget`.
 */
export class OnceEach {
  readonly #told = new Set<string>();
  readonly #tell: (line: string) => void;

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  tell(line: string): void {
    if (this.#told.has(line)) return;
    const [oldest] = this.#told;
    if (this.#told.size >= capacity && oldest !== undefined) this.#told.delete(oldest);
    this.#told.add(line);
    this.#tell(line);
  }

  forget(): void {
    this.#told.clear();
  }
}
