/**
 * Stops at a broken invariant: a fault of ours, never of the caller's. The node that sees it stops.
 * A message with figures in it is a function, since most are never needed and all cost time.
 */
export function assert(condition: boolean, message: string | (() => string)): asserts condition {
  if (condition) return;
  throw new Error(`Broken invariant: ${typeof message === 'string' ? message : message()}.`);
}

/** Ends every `switch` over a union, so that a new member is a compile error and not a silence. */
export function assertNever(value: never): never {
  throw new Error(`Broken invariant: no case for ${JSON.stringify(value)}.`);
}
