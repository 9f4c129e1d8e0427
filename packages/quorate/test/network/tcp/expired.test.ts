import { expect, test } from 'vitest';
import { caller } from '../../../src/testing/network/connected.ts';
import { seen, world } from './linked.ts';

test('a write that expires behind a full socket may arrive, and its caller is told so', async () => {
  const { runtime, net, node, peer } = await world({ pingAfterMs: 5000, deadAfterMs: 60_000 });
  void peer.identify(caller);
  // Opens the connection of what is long, too.
  const first = seen(peer.forward({ command: new Uint8Array(70_000) }, caller));
  await runtime.advance(20);
  expect(first.outcome).toBe('answered');
  net.bytesPerMs = 100;
  void seen(peer.forward({ command: new Uint8Array(90_000) }, { ...caller, timeoutMs: 5000 }));
  await runtime.advance(5);
  const behind = seen(
    peer.forward({ command: new Uint8Array(80_000) }, { ...caller, timeoutMs: 100 }),
  );
  await runtime.advance(150);
  expect(behind.outcome).toBe('failed');
  const told = behind.error?.maybeApplied === true;
  await runtime.advance(5000);

  const arrived = node.arrivals.filter(
    ({ call, request }) =>
      call === 'forward' && (request as { command: Uint8Array }).command.length === 80_000,
  );
  expect([arrived.length, told]).toEqual([1, true]);
});
