import { expect, test } from 'vitest';

import { pacedChunks } from '../../src/backup/pace.ts';
import { VirtualRuntime } from '../leases/virtual-runtime.ts';

async function* chunks(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < 3; at += 1) yield Buffer.alloc(1000, at);
}

test('chunks come no faster than they should', async () => {
  const runtime = new VirtualRuntime();
  const { signal } = new AbortController();
  const came: number[] = [];
  const reading = (async () => {
    for await (const { length } of pacedChunks(chunks(), 100, { runtime, signal })) {
      came.push(length);
    }
  })();

  await runtime.pass(9000);
  expect(came).toHaveLength(1);
  await runtime.pass(2000);
  expect(came).toHaveLength(2);
  await runtime.pass(20_000);

  await reading;
  expect(came).toEqual([1000, 1000, 1000]);
});

test('a member that stops does not wait for them', async () => {
  const runtime = new VirtualRuntime();
  const stopping = new AbortController();
  const paced = pacedChunks(chunks(), 1, { runtime, signal: stopping.signal });
  await paced.next();
  const second = paced.next();
  await runtime.turns();

  stopping.abort(new Error('The member is stopping.'));

  await expect(second).rejects.toThrow('The member is stopping.');
  expect(runtime.timerCount).toBe(0);
});
