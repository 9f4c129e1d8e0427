/**
 * Calls `work` with what was opened, and disposes of it afterwards. What `await using` would say,
 * which the oldest Node that runs the benches does not read.
 */
export async function disposing<Opened extends AsyncDisposable, Result>(
  opened: Promise<Opened>,
  work: (opened: Opened) => Promise<Result>,
): Promise<Result> {
  const resource = await opened;
  try {
    return await work(resource);
  } finally {
    await resource[Symbol.asyncDispose]();
  }
}
