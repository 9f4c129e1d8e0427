import { flushCompileCache } from 'node:module';
import type { Answer, Question } from './child-program.ts';

/** What a child can be asked, with what it is given for it. */
export type Methods = Readonly<Record<string, (params: never) => unknown>>;

/** Answers the process that started this one, until that is gone; then this one ends as well. */
export function answerParent(methods: Methods): void {
  process.once('disconnect', () => process.exit(0));
  // Ctrl-C reaches all processes of a terminal; the parent decides what it means.
  process.on('SIGINT', () => undefined);
  const all: Methods = { ready: () => undefined, ...methods };
  // The next process that runs the same program finds it compiled; this one may be killed.
  flushCompileCache();
  process.on('message', (question: Question) => void answer(all, question));
}

async function answer(methods: Methods, { id, method, params }: Question): Promise<void> {
  let told: Answer;
  try {
    const called = methods[method];
    if (called === undefined) throw new Error(`There is no method "${method}".`);
    told = { id, result: await called(params as never) };
  } catch (error) {
    told = { id, problem: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
  if (process.connected) process.send?.(told);
}

/** What the parent gave this process to start with. */
export function startArgument(): unknown {
  return JSON.parse(process.argv[2] ?? '{}');
}
