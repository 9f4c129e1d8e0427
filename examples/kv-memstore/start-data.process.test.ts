import { open } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ExampleClient, RefusedError } from './client.ts';
import { eventually } from './test-support/eventually.ts';
import { Program } from './test-support/program.ts';
import { allGone, freePorts, nodesOf, startCluster } from './test-support/started-cluster.ts';
import { TemporaryFolder } from './test-support/temporary-folder.ts';

/** So many acknowledged writes are a load; more may be by the time the nodes are dead. */
const loadCount = 500;
const writerCount = 8;

function clientsOf(program: Program): ExampleClient[] {
  return nodesOf(program).map(({ address }) => new ExampleClient(address));
}

async function everyNodeReads(program: Program, key: string, value: string): Promise<void> {
  const clients = clientsOf(program);
  expect(clients).toHaveLength(3);
  for (const client of clients) {
    await eventually(
      `${client.address} reads ${value}`,
      () => client.read(key),
      (got) => got === value,
    );
  }
}

async function end(program: Program): Promise<void> {
  program.kill('SIGINT');
  await program.ended();
  expect(program.exitCode).toBe(0);
}

/** Runs the program to its end, which it is expected to reach with an error of its own. */
async function failedStart(...args: readonly string[]): Promise<string> {
  await using program = new Program('start.ts', args);
  await program.ended();
  expect(program.exitCode).toBe(1);
  expect(program.stdout).toContain('All 3 nodes have ended.');
  return program.stderr;
}

describe('npm run memstore on its data', () => {
  test('goes on after Ctrl-C with what was written, again and again', async () => {
    await using folder = await TemporaryFolder.make();
    const options = ['--port', String(await freePorts()), '--data', folder.path];

    for (const round of [1, 2, 3]) {
      await using program = await startCluster(...options);
      expect(program.stdout).toContain(`their data in ${folder.path}; delete it to start anew`);
      for (let past = 1; past < round; past += 1) {
        await everyNodeReads(program, `round ${past}`, 'written');
      }
      const client = new ExampleClient(await program.printed(/curl -s (\S+)\/write/));
      await client.set(`round ${round}`, 'written');
      await end(program);
    }
  });

  test('goes on on its own ports when any would do', async () => {
    await using folder = await TemporaryFolder.make();
    const options = ['--port', '0', '--data', folder.path];

    await using first = await startCluster(...options);
    const addresses = nodesOf(first).map(({ address }) => address);
    await end(first);
    await using second = await startCluster(...options);

    expect(nodesOf(second).map(({ address }) => address)).toEqual(addresses);
  });

  test('has every acknowledged write after kill -9 of all nodes at once under load', async () => {
    await using folder = await TemporaryFolder.make();
    const options = ['--port', String(await freePorts()), '--data', folder.path];
    const acknowledged: string[] = [];
    {
      await using program = await startCluster(...options);
      const pids = nodesOf(program).map(({ pid }) => pid);
      const writers = writeUntilItFails(program, acknowledged);
      await eventually(
        'a load',
        () => acknowledged.length,
        (count) => count >= loadCount,
      );
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      const failures = await Promise.all(writers);
      // Each was writing to the end.
      expect(failures.filter((error) => error instanceof RefusedError)).toEqual([]);
      await program.ended();
      await allGone(pids);
    }

    await using program = await startCluster(...options);
    await everyNodeReads(program, String(acknowledged.at(-1)), String(acknowledged.at(-1)));
    for (const client of clientsOf(program)) {
      expect(await missingOn(client, acknowledged)).toEqual([]);
    }
    console.log(`All ${acknowledged.length} acknowledged writes are on all nodes.`);
  });

  test('--memory forgets', async () => {
    const options = ['--port', String(await freePorts()), '--memory'];
    {
      await using program = await startCluster(...options);
      await new ExampleClient(await program.printed(/curl -s (\S+)\/write/)).set('foo', 'bar');
      await everyNodeReads(program, 'foo', 'bar');
      await end(program);
    }

    await using program = await startCluster(...options);

    expect(program.stdout).toContain('in memory; what they hold goes with them');
    const client = new ExampleClient(await program.printed(/curl -s (\S+)\/write/));
    expect(await client.consistentRead('foo')).toBe('');
  });
});

describe('a start on data that it cannot have', () => {
  test('is refused while another cluster has it, and disturbs nobody', async () => {
    await using folder = await TemporaryFolder.make();
    await using running = await startCluster('--port', '0', '--data', folder.path);

    const refusal = await failedStart('--port', '0', '--data', folder.path);

    expect(refusal).toMatch(/^Node \d did not start: The log in .* is in use by another process/);
    expect(refusal).toContain('npm run memstore -- --port N --data DIR starts a second cluster.');
    expect(refusal.trim().split('\n')).toHaveLength(1);
    await new ExampleClient(await running.printed(/curl -s (\S+)\/write/)).set('foo', 'bar');
    await everyNodeReads(running, 'foo', 'bar');
  });

  test('is refused on other ports, with those to use', async () => {
    await using folder = await TemporaryFolder.make();
    const port = await freePorts();
    await using first = await startCluster('--port', String(port), '--data', folder.path);
    await end(first);

    const otherPort = String(await freePorts());
    const refusal = await failedStart('--port', otherPort, '--data', folder.path);

    expect(refusal).toContain(`npm run memstore -- --port ${port} goes on with it`);
    expect(refusal.trim().split('\n')).toHaveLength(1);
  });

  test('is refused while it is damaged, with the place, and nothing is changed', async () => {
    await using folder = await TemporaryFolder.make();
    const options = ['--port', '0', '--data', folder.path];
    {
      await using program = await startCluster(...options);
      const client = new ExampleClient(await program.printed(/curl -s (\S+)\/write/));
      for (const value of ['a', 'b', 'c']) await client.set('foo', value);
      await everyNodeReads(program, 'foo', 'c');
      await end(program);
    }
    const segment = path.join(folder.path, 'node-2', 'log', '0000000000000001.wal');

    await flipByteAfter(segment, 'cluster');
    const refusal = await failedStart(...options);

    expect(refusal).toContain(`Node 2 did not start: ${segment} at offset `);
    expect(refusal).toContain('Nothing was changed. Restore this disk from a copy');
    await flipByteAfter(segment, 'cluster');
    await using program = await startCluster(...options);
    await everyNodeReads(program, 'foo', 'c');
  });
});

/**
 * Each writer goes on with keys of its own until a write fails, notes what was acknowledged and
 * returns the failure. What became of the write that failed nobody knows.
 */
function writeUntilItFails(program: Program, acknowledged: string[]): Promise<unknown>[] {
  const addresses = nodesOf(program).map(({ address }) => address);
  return Array.from({ length: writerCount }, async (_, writer) => {
    const client = new ExampleClient(String(addresses[writer % addresses.length]));
    for (let count = 0; ; count += 1) {
      const key = `${writer}-${count}`;
      try {
        await client.set(key, key);
      } catch (error) {
        return error;
      }
      acknowledged.push(key);
    }
  });
}

/** The keys that do not read as themselves. */
async function missingOn(client: ExampleClient, keys: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  const atOnce = 8;
  for (let from = 0; from < keys.length; from += atOnce) {
    const some = keys.slice(from, from + atOnce);
    const values = await Promise.all(some.map((key) => client.read(key)));
    missing.push(...some.filter((key, at) => values[at] !== key));
  }
  return missing;
}

/** Flips one bit behind the first place with this word; done twice, all is as it was. */
async function flipByteAfter(file: string, word: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    const { buffer } = await handle.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, 0);
    const at = buffer.indexOf(word) + word.length;
    expect(at).toBeGreaterThan(word.length);
    await handle.write(Buffer.from([(buffer[at] ?? 0) ^ 1]), 0, 1, at);
  } finally {
    await handle.close();
  }
}
