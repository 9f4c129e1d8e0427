import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { withSignal } from '../../src/node/signal.ts';
import { settle } from './virtual-runtime.ts';

test('without a signal the promise itself is returned', () => {
  const promise = Promise.resolve(1);

  expect(withSignal(promise, undefined)).toBe(promise);
});

test('an abort rejects with its reason and lets go of the question', async () => {
  const controller = new AbortController();
  let forgotten = 0;
  const waiting = withSignal(new Promise(() => {}), controller.signal, () => (forgotten += 1));

  controller.abort(new Error('enough'));

  await expect(waiting).rejects.toThrow('enough');
  expect(forgotten).toBe(1);
});

test('a signal that was aborted before rejects, and a later failure of the promise is nobody’s', async () => {
  const reason = new Error('enough');
  const { promise, reject } = Promise.withResolvers<void>();

  const waiting = withSignal(promise, AbortSignal.abort(reason));
  reject(new Error('late'));

  await expect(waiting).rejects.toBe(reason);
});

test('a failure after the abort is nobody’s either', async () => {
  const controller = new AbortController();
  const { promise, reject } = Promise.withResolvers<void>();
  const waiting = withSignal(promise, controller.signal);

  controller.abort(new Error('enough'));
  reject(new Error('late'));

  await expect(waiting).rejects.toThrow('enough');
  await settle();
});

test.each(['resolve', 'reject'] as const)('no listener stays after %s', async (how) => {
  const controller = new AbortController();
  const settled = Promise.withResolvers<void>();
  const waiting = withSignal(settled.promise, controller.signal);
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);

  settled[how]();
  await waiting.catch(() => undefined);
  await settle();

  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
});
