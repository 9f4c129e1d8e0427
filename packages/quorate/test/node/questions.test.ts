import { expect, test } from 'vitest';
import type { CallOptions } from '../../src/contract/network.ts';
import { Questions } from '../../src/node/questions.ts';
import { settle, VirtualRuntime } from './virtual-runtime.ts';

const from = { cluster: 'c', node: 'a', incarnation: 'i', starts: 1 };

function open(): {
  runtime: VirtualRuntime;
  questions: Questions;
  ask: (timeoutMs: number, put: (options: CallOptions) => Promise<string>) => Promise<unknown>;
} {
  const runtime = new VirtualRuntime();
  const questions = new Questions(runtime);
  return {
    runtime,
    questions,
    ask: (timeoutMs, put) =>
      questions.ask({ from, to: { node: 'b' }, timeoutMs }, put).catch((error: unknown) => error),
  };
}

const never = (): Promise<string> => new Promise(() => {});

test('a question is answered, and says who asks, who is meant and for how long', async () => {
  const { questions, ask } = open();
  let seen: CallOptions | undefined;

  const answer = await ask(100, async (options) => {
    seen = options;
    return 'yes';
  });

  expect(answer).toBe('yes');
  expect(seen?.from).toEqual(from);
  expect(seen?.to).toEqual({ node: 'b' });
  expect(seen?.timeoutMs).toBe(100);
  questions.close('closed');
});

test('a question rejects with what the network threw, at once or later', async () => {
  const { questions, ask } = open();
  const broken = new Error('broken');

  expect(await ask(100, () => Promise.reject(broken))).toBe(broken);
  const thrown = await ask(100, () => {
    throw broken;
  });

  expect(thrown).toBe(broken);
  questions.close('closed');
});

test('each question ends at its own deadline, is aborted, and may have been heard', async () => {
  const { runtime, questions, ask } = open();
  const signals: (AbortSignal | undefined)[] = [];
  const unanswered = ({ signal }: CallOptions): Promise<string> => {
    signals.push(signal);
    return never();
  };
  const outcomes: unknown[] = [];
  void ask(100, unanswered).then((outcome) => outcomes.push(outcome));
  void ask(50, unanswered).then((outcome) => outcomes.push(outcome));

  await runtime.advance(60);
  expect(outcomes).toMatchObject([{ code: 'RAFT_UNREACHABLE', maybeApplied: true }]);
  await runtime.advance(60);

  expect(outcomes).toHaveLength(2);
  expect(signals.map((signal) => signal?.aborted)).toEqual([true, true]);
  expect(runtime.timerCount).toBe(0);
  questions.close('closed');
});

test('the end of the node ends every question, and takes no other', async () => {
  const { runtime, questions, ask } = open();
  let signal: AbortSignal | undefined;
  const waiting = ask(100, (options) => {
    ({ signal } = options);
    return never();
  });
  await settle();

  questions.close('closed');

  expect(await waiting).toBe('closed');
  expect(signal?.reason).toBe('closed');
  expect(await ask(100, never)).toBe('closed');
  expect(runtime.timerCount).toBe(0);
});
