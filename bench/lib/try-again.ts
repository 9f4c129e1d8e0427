const maxTries = 3;
const pauseMs = 2000;

let repeats = 0;

/** How many measurements of this process had to be repeated. */
export function repeatCount(): number {
  return repeats;
}

/**
 * Measures again if a measurement fails: on a machine that is busy with other things a leadership
 * may change in the middle. Says so, since it is a finding as well.
 */
export async function tryAgain<Result>(measure: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await measure();
    } catch (error) {
      if (tries === maxTries) throw error;
      repeats += 1;
      console.error(`Measured again, since the last time failed: ${String(error)}`);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
