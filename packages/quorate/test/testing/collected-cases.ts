import type { TestFunction } from '../../src/testing/suite.ts';

/** The cases that a suite registers, to be run by hand: a broken thing must fail the right one. */
export class CollectedCases {
  readonly names: string[] = [];
  readonly skipped: string[] = [];
  readonly #runs = new Map<string, () => Promise<void>>();

  constructor(register: (test: TestFunction) => void) {
    const test = (name: string, run: () => Promise<void>): void => {
      if (this.#runs.has(name)) throw new Error(`Two cases are called "${name}".`);
      this.names.push(name);
      this.#runs.set(name, run);
    };
    register(Object.assign(test, { skip: (name: string) => void this.skipped.push(name) }));
  }

  /** Runs the one case whose name begins so. Resolves with what it fails with, if it does. */
  async failureOf(name: string): Promise<unknown> {
    const found = this.names.filter((one) => one.startsWith(name));
    const run = this.#runs.get(found[0] ?? '');
    if (found.length !== 1 || run === undefined) {
      throw new Error(`${found.length} cases begin with "${name}": ${this.names.join('; ')}.`);
    }
    try {
      await run();
    } catch (error) {
      return error;
    }
    return undefined;
  }

  /** The names of the cases that fail. */
  async failures(): Promise<string[]> {
    const failed: string[] = [];
    for (const name of this.names) {
      if ((await this.failureOf(name)) !== undefined) failed.push(name);
    }
    return failed;
  }
}
