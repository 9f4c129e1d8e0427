import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ExampleClient } from './client.ts';
import { type ExampleServer, startServer } from './server.ts';
import { eventually } from './test-support/eventually.ts';
import { TemporaryFolder } from './test-support/temporary-folder.ts';

const keyCount = 400;

/** One node with a snapshot of most of what it holds, and nothing but the rest in its log. */
async function startPurged(data: string): Promise<ExampleServer> {
  const server = await start(data);
  const client = new ExampleClient(server.address);
  await client.init();
  await leads(client);
  const keys = Array.from({ length: keyCount }, (_, at) => `key-${at}`);
  await Promise.all(keys.map((key) => client.set(key, `value of ${key}`)));
  await eventually(
    'the log is purged',
    () => client.metrics(),
    ({ purged, snapshot }) => (purged?.index ?? 0) > 0 && purged?.index === snapshot?.index,
  );
  return server;
}

function start(data: string): Promise<ExampleServer> {
  const policy = { snapshotAfterBytes: 10_000, keepBytes: 0 };
  return startServer({ id: 1, host: '127.0.0.1', port: 0, data, ...policy });
}

async function leads(client: ExampleClient): Promise<void> {
  await eventually(
    'it leads and has applied all',
    () => client.metrics(),
    ({ state, last_applied: applied, last_log_index: last }) =>
      state === 'Leader' && applied?.index === last,
  );
}

test('a node that starts again has what its snapshot and the log after it hold', async () => {
  await using folder = await TemporaryFolder.make();
  const first = await startPurged(folder.path);
  const before = await new ExampleClient(first.address).digest();
  expect(before.entries).toBe(keyCount);
  await first.close();

  await using second = await start(folder.path);
  const client = new ExampleClient(second.address);
  await leads(client);

  expect(await client.digest()).toEqual(before);
  expect(await client.read('key-0')).toBe('value of key-0');
  expect((await client.metrics()).purged?.index).toBeGreaterThan(0);
});

test('a node whose snapshot is damaged does not start, and says which file it is', async () => {
  await using folder = await TemporaryFolder.make();
  await (await startPurged(folder.path)).close();
  const snapshots = path.join(folder.path, 'snapshots');
  const [name = ''] = await readdir(snapshots);
  const file = path.join(snapshots, name);
  const bytes = await readFile(file);
  const at = bytes.lastIndexOf('value of key-');
  expect(at).toBeGreaterThan(0);

  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(file, bytes);

  await expect(start(folder.path)).rejects.toThrow(file);

  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(file, bytes);
  await (await start(folder.path)).close();
});
