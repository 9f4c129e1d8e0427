/** Stops at a broken invariant: a fault of ours, never of the caller's. The node that sees it stops. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`Broken invariant: ${message}.`);
}

/** Ends every `switch` over a union, so that a new member is a compile error and not a silence. */
export function assertNever(value: never): never {
  throw new Error(`Broken invariant: no case for ${JSON.stringify(value)}.`);
}
