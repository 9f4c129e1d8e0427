/** Something happened that must never happen. */
export class KvViolation extends Error {
  override readonly name = 'KvViolation';
  /** Which of the checks has found it. */
  readonly check: string;

  constructor(check: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.check = check;
  }
}

/** Which check a run has failed, and what it says. */
export function describe(error: unknown): { readonly check: string; readonly text: string } {
  if (error instanceof KvViolation) return { check: error.check, text: error.message };
  const text = error instanceof Error ? error.message : String(error);
  return { check: text.startsWith('Broken invariant') ? 'invariant' : 'error', text };
}
