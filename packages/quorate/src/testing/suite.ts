/**
 * Registers one named test. `test` of Vitest and of `node:test`, and `it` of Mocha fit as they are.
 */
export interface TestFunction {
  (name: string, run: () => Promise<void>): unknown;
  /** Registers a test that is not run. Without it, such a test passes and says so in its name. */
  readonly skip?: (name: string, run: () => Promise<void>) => unknown;
}

type Hooks = Readonly<Record<string, unknown>>;
type Given<Wanted extends Hooks> = { readonly [Name in keyof Wanted]-?: NonNullable<Wanted[Name]> };

/**
 * Registers a case that can be run only with certain hooks. Where one is missing the case is
 * skipped, and its name says which hook it needs.
 */
export function caseWithHooks<Wanted extends Hooks>(
  test: TestFunction,
  hooks: Wanted,
  name: string,
  run: (hooks: Given<Wanted>) => Promise<void>,
): void {
  const missing = Object.keys(hooks).filter((hook) => hooks[hook] === undefined);
  if (missing.length === 0) {
    // Nothing is missing, which is all that the two types differ by.
    test(name, () => run(hooks as unknown as Given<Wanted>));
    return;
  }
  const names = missing.map((hook) => `\`${hook}\``).join(' and ');
  const needs = `needs the ${missing.length === 1 ? 'hook' : 'hooks'} ${names}`;
  const pass = (): Promise<void> => Promise.resolve();
  if (test.skip === undefined) test(`${name} (skipped: ${needs})`, pass);
  else test.skip(`${name} (${needs})`, pass);
}

/** Tells the person who runs the suite a number that no assertion shows. */
export function report(message: string): void {
  console.log(message);
}
