import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { ExampleClient } from './client.ts';
import { networkNames } from './server-options.ts';
import { eventually } from './test-support/eventually.ts';
import { Program } from './test-support/program.ts';
import { allGone, nodesOf, startCluster } from './test-support/started-cluster.ts';

/** Far above what it takes, for machines that are busy with other things. */
const failoverWithinMs = 20_000;

async function writeToAny(addresses: readonly string[]): Promise<boolean> {
  for (const address of addresses) {
    const client = new ExampleClient(address, { deadlineMs: 1000 });
    const isWritten = await client.set('foo', 'new').then(
      () => true,
      () => false, // No leader yet, or it still names the dead one.
    );
    if (isWritten) return true;
  }
  return false;
}

describe('the cluster of npm run memstore', () => {
  test('goes on after its leader was killed, and ends on Ctrl-C', async () => {
    await using program = await startCluster('--port', '0', '--memory');
    const nodes = nodesOf(program);
    expect(nodes).toHaveLength(3);
    const leaderPid = Number(await program.printed(/kill -9 (\d+)/));
    const others = nodes.filter(({ pid }) => pid !== leaderPid);
    expect(others).toHaveLength(2);
    await new ExampleClient(String(nodes[0]?.address)).set('foo', 'bar');

    const start = performance.now();
    process.kill(leaderPid, 'SIGKILL');
    await eventually(
      'a write accepted by the others',
      () => writeToAny(others.map(({ address }) => address)),
      (isWritten) => isWritten,
      { withinMs: failoverWithinMs },
    );
    console.log(`A write was accepted ${Math.round(performance.now() - start)} ms after the kill.`);

    await eventually(
      'a dead row',
      () => program.stdout,
      (text) => / dead /.test(text),
    );
    expect(program.stdout).toContain(`(pid ${leaderPid}) was killed by SIGKILL. The others go on.`);
    await eventually(
      'another leader to kill',
      () => program.printed(/kill -9 (\d+)/),
      (pid) => Number(pid) !== leaderPid,
    );

    program.kill('SIGINT');
    await program.ended();
    expect(program.exitCode).toBe(0);
    expect(program.stdout).toContain('All 3 nodes have ended.');
    expect(program.stdout).not.toContain('\u001B');
    await allGone(nodes.map(({ pid }) => pid));
  });

  test.each(networkNames)(
    'the lines to copy are true, with %s between the nodes',
    async (network) => {
      await using program = await startCluster('--port', '0', '--memory', '--network', network);

      const [write, read, metrics] = await Promise.all([
        program.printed(/curl -s (\S+)\/write/),
        program.printed(/curl -s (\S+)\/read/),
        program.printed(/curl -s (\S+)\/metrics/),
      ]);
      const written = await new ExampleClient(write).set('foo', 'bar');
      expect(written.data.value).toBe('bar');
      const reader = new ExampleClient(read);
      await eventually(
        'bar',
        () => reader.read('foo'),
        (value) => value === 'bar',
      );
      expect((await new ExampleClient(metrics).metrics()).state).toBe('Leader');
    },
  );

  test('leaves no orphans when it is killed', async () => {
    await using program = await startCluster('--port', '0', '--memory');
    const pids = nodesOf(program).map(({ pid }) => pid);
    expect(pids).toHaveLength(3);

    program.kill('SIGKILL');
    await program.ended();

    await allGone(pids);
  });

  test('ends on SIGTERM', async () => {
    await using program = await startCluster('--port', '0', '--memory');
    const pids = nodesOf(program).map(({ pid }) => pid);

    program.kill('SIGTERM');
    await program.ended();

    expect(program.exitCode).toBe(0);
    await allGone(pids);
  });

  test('ends with an error once all its nodes are dead', async () => {
    await using program = await startCluster('--port', '0', '--memory');

    for (const { pid } of nodesOf(program)) process.kill(pid, 'SIGKILL');
    await program.ended();

    expect(program.exitCode).toBe(1);
    expect(program.stdout).toContain('What is left is no majority');
    expect(program.stderr).toContain('All nodes are dead.');
  });
});

describe('a start that cannot work', () => {
  test('says which port is in use, and leaves nothing behind', async () => {
    const blocker = createServer();
    blocker.listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port } = blocker.address() as AddressInfo; // It listens on a port, so it has one.

    await using program = new Program('start.ts', ['--port', String(port), '--memory']);
    await program.ended();
    blocker.close();

    expect(program.exitCode).toBe(1);
    expect(program.stderr).toMatch(
      /port \d+ on 127\.0\.0\.1 is in use\. npm run memstore -- --port N/,
    );
    expect(program.stdout).toContain('All 3 nodes have ended.');
  });

  test('refuses a bad option in one line', async () => {
    await using program = new Program('start.ts', ['--prot', '1']);
    await program.ended();

    expect(program.exitCode).toBe(2);
    expect(program.stderr).toMatch(/^.*--prot.*Try npm run memstore -- --help\.\n$/);
  });

  test('--help shows the options', async () => {
    await using program = new Program('start.ts', ['--help']);
    await program.ended();

    expect(program.exitCode).toBe(0);
    expect(program.stdout).toContain('--port N');
  });
});
