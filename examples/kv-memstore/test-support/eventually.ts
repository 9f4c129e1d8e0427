import { setTimeout as pause } from 'node:timers/promises';

const pauseMs = 20;

/**
 * Asks again and again until the answer is the one wanted, and returns it. For what can only be
 * asked from outside, over HTTP or of the operating system; a failure to answer counts as "no".
 *
 * @throws with the last answer or failure when the time is over.
 */
export async function eventually<Answer>(
  what: string,
  ask: () => Promise<Answer> | Answer,
  isWanted: (answer: Answer) => boolean,
  { withinMs = 15_000 }: { readonly withinMs?: number } = {},
): Promise<Answer> {
  const start = performance.now();
  let last: unknown;
  while (performance.now() - start < withinMs) {
    try {
      const answer = await ask();
      if (isWanted(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    await pause(pauseMs);
  }
  const shown = last instanceof Error ? last.message : JSON.stringify(last);
  throw new Error(`Not within ${withinMs} ms: ${what}. Last: ${shown}`);
}
