/** Something that must never be. */
export interface Finding {
  /** One word of the kind `two-leaders`. */
  readonly code: string;
  readonly text: string;
}

/** The first few of a kind say it all. */
const maxOfAKind = 5;

/** What was found wrong, and a signal that says that something was. */
export class Findings {
  readonly #all: Finding[] = [];
  readonly #first = new AbortController();

  get all(): readonly Finding[] {
    return this.#all;
  }

  /** Aborts with the first finding. */
  get signal(): AbortSignal {
    return this.#first.signal;
  }

  add(code: string, text: string): void {
    const ofKind = this.#all.filter((one) => one.code === code);
    const isKnown = ofKind.some((one) => one.text === text);
    if (!isKnown && ofKind.length < maxOfAKind) this.#all.push({ code, text });
    this.#first.abort(new Error(`${code}: ${text}`));
  }
}
