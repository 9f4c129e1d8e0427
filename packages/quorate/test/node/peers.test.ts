import { describe, expect, test } from 'vitest';
import { PeersUnderTest } from './peers-under-test.ts';

describe('who is a member', () => {
  test('is connected once for each address', () => {
    const under = new PeersUnderTest();

    under.follow({ a: {}, b: { address: 'one' }, c: { address: 'x' } });
    under.follow({ a: {}, b: { address: 'two' }, c: { address: 'x' } });

    expect(under.connections).toEqual(['b@one', 'c@x', 'b@two']);
    expect(under.closed).toEqual(['b@one']);
  });

  test('gets calls at its new address, and those to the old one are unanswered', () => {
    const under = new PeersUnderTest();
    under.replicate(1);

    under.follow({ b: { address: 'two' } });
    under.replicate(2);

    expect(under.events).toEqual([{ type: 'unanswered', call: 1 }]);
    expect(under.calls.map(({ target }) => target)).toEqual(['b@one', 'b@two']);
  });

  test('no longer leaves no timer behind', () => {
    const under = new PeersUnderTest();
    under.replicate(1);

    under.follow({});

    expect(under.runtime.timerCount).toBe(0);
    expect(under.closed).toEqual(['b@one']);
  });
});

test('closing ends every call and every connection, and takes no more', async () => {
  const under = new PeersUnderTest();
  under.replicate(1);
  const { signal } = under.calls[0]?.options ?? {};

  await under.peers.close();
  under.replicate(2);

  expect(signal?.aborted).toBe(true);
  expect(under.closed).toEqual(['b@one']);
  expect(under.runtime.timerCount).toBe(0);
  expect(under.events).toEqual([
    { type: 'unanswered', call: 1 },
    { type: 'unanswered', call: 2 },
  ]);
});

test('a connection that does not close well holds nothing up', async () => {
  const under = new PeersUnderTest();
  under.onClose = () => {
    throw new Error('stuck');
  };

  await under.peers.close();

  expect(under.failures).toEqual([]);
});
