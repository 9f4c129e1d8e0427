import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { KvClient } from '../../src/client.ts';
import { KvMember } from '../../src/server/member.ts';

test('calls that are answered wait for no timer, on either side', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'quorate-kv-timers-'));
  await using member = await KvMember.start({ name: 'a', directory });
  await member.ready();
  await using kv = new KvClient({ servers: [member.address] });
  await kv.put('key', 'value');
  const setTimeouts = vi.spyOn(globalThis, 'setTimeout');
  try {
    for (let at = 0; at < 300; at += 1) await kv.get('key');

    // Heartbeats and deadlines go on; a message that left by a timer would make one for each call.
    expect(setTimeouts.mock.calls.length).toBeLessThan(100);
  } finally {
    setTimeouts.mockRestore();
    await rm(directory, { recursive: true, force: true });
  }
});
