import { expect, test } from 'vitest';
import { OpenCall } from '../../src/node/open-call.ts';

function openCall(): OpenCall {
  const from = { cluster: 'k', node: 'a', incarnation: 'i', starts: 1 };
  return new OpenCall(1, from, { node: 'b' }, 100);
}

test('a call that ends aborts the signal that its network has asked for', () => {
  const call = openCall();
  const { signal } = call;
  const reason = new Error('over');

  call.abort(reason);

  expect(signal.aborted).toBe(true);
  expect(signal.reason).toBe(reason);
});

test('a network that asks for the signal too late finds it aborted, with the first reason', () => {
  const call = openCall();
  const reason = new Error('over');

  call.abort(reason);
  call.abort(new Error('once more'));

  expect(call.signal.aborted).toBe(true);
  expect(call.signal.reason).toBe(reason);
  expect(call.signal).toBe(call.signal);
});

test('a call under way has a signal that is not aborted', () => {
  expect(openCall().signal.aborted).toBe(false);
});
