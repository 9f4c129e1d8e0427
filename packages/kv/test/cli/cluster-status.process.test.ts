import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { MemberCluster, put } from '../member/support/member-cluster.ts';
import { freePorts } from '../serve/support/program.ts';
import { CliCluster, found } from './support/cluster-kit.ts';
import { mainFile, nodeFlags, quoted, runCli, startCli } from './support/run-cli.ts';

let cluster: CliCluster;

beforeAll(async () => {
  cluster = await CliCluster.start();
  const { service } = await cluster.members.leader();
  for (let n = 0; n < 5; n += 1) await put(service, `key ${n}`, 'value');
});

afterAll(() => cluster[Symbol.asyncDispose]());

describe('quorate status', () => {
  test('has a row for each member, and ends well if all is well', async () => {
    const ended = await found('all is well', async () => {
      const status = await cluster.run(['status']);
      return status.code === 0 ? status : undefined;
    });

    const [head = '', ...rows] = ended.stdout.trimEnd().split('\n');
    expect(head).toMatch(/^NAME +ROLE +TERM +REVISION +LAG +KEYS .*HEALTH +VERSION +ADDRESS$/);
    expect(rows.filter((row) => /^[abc] .* well /.test(row))).toHaveLength(3);
    expect(rows.filter((row) => / leader /.test(row))).toHaveLength(1);
  });

  test('is JSON for programs', async () => {
    const { stdout } = await cluster.run(['status', '--json']);

    const { leader, members } = JSON.parse(stdout) as {
      readonly leader: string;
      readonly members: readonly { readonly id: string; readonly status: { keys: number } }[];
    };
    expect(leader).toBe((await cluster.members.leader()).name);
    expect(members.map(({ id, status }) => [id, status.keys])).toEqual([
      ['a', 5],
      ['b', 5],
      ['c', 5],
    ]);
  });

  test('names a member that does not answer, says what to do, and ends with 1', async () => {
    const [down] = await cluster.members.followers();
    const name = down?.name ?? '';
    await cluster.members.close(name);

    const ended = await cluster.run(['status']);
    const json = await cluster.run(['status', '--json']);
    await cluster.members.startOne(name);

    expect(ended.code).toBe(1);
    expect(ended.stdout).toMatch(new RegExp(`^${name} +voter .* no answer `, 'm'));
    expect(ended.stdout).toContain(`error: ${name} does not answer at`);
    expect(ended.stdout).toContain(`quorate member replace ${name} --with NEW ADDRESS`);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ well: false });
  });

  test('waits, if it is told to, until a member that starts is well', async () => {
    const [down] = await cluster.members.followers();
    const name = down?.name ?? '';
    await cluster.members.close(name);

    const waiting = cluster.begin(['status', '--wait', '30s', '--json']);
    const impatient = await cluster.run(['status', '--wait', '100ms']);
    await cluster.members.startOne(name);
    const ended = await waiting.ended;

    expect(impatient.code).toBe(1);
    expect(impatient.stdout).toMatch(new RegExp(`^${name} +voter .* no answer `, 'm'));
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(ended.stdout)).toMatchObject({ well: true });
  });

  test('waits for a member that does not listen yet, and no longer than it is told to', async () => {
    const [port = 0] = await freePorts(1);
    const endpoint = ['--endpoints', `127.0.0.1:${port}`];

    const inVain = await runCli(['status', ...endpoint, '--wait', '300ms']);
    const waiting = startCli(['status', ...endpoint, '--wait']);
    await calledInVain(port);
    await using alone = await MemberCluster.start(['x'], { listen: { port }, peers: undefined });
    const ended = await waiting.ended;

    expect(alone.member('x').address).toContain(`:${port}`);
    expect(inVain).toMatchObject({ code: 3, stdout: '' });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/^x +leader .* well /m);
  });

  test('ends with 3 if nobody answers at all', async () => {
    const ended = await runCli(['status', '--endpoints', '127.0.0.1:1,127.0.0.1:2']);

    expect(ended).toMatchObject({ code: 3, stdout: '' });
    expect(ended.stderr).toContain('no member answers at 127.0.0.1:1, 127.0.0.1:2');
    expect(ended.stderr).toContain('QUORATE_ENDPOINTS');
  });
});

/** Resolves once somebody has called there twice, and nobody has answered. */
async function calledInVain(port: number): Promise<void> {
  const server = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1');
  for (let calls = 0; calls < 2; calls += 1) await once(server, 'connection');
  await once(server.close(), 'close');
}

describe('quorate top', () => {
  test('prints a table each time into a pipe', async () => {
    const { code, stdout } = await cluster.run(['top', '--count', '2', '--interval', '100ms']);

    expect(code).toBe(0);
    expect(stdout.match(/^NAME +ROLE +TERM +CHANGES\/S +READS\/S/gm)).toHaveLength(2);
  });

  test('prints what was written and read as JSON', async () => {
    const args = ['top', '--json', '--count', '1', '--interval', '1s'];
    const running = cluster.begin(args);
    const { service } = await cluster.members.leader();
    const writing = setInterval(() => void put(service, 'busy', 'x').catch(() => undefined), 10);
    const { stdout } = await running.ended;
    clearInterval(writing);

    const { members } = JSON.parse(stdout) as {
      readonly members: readonly { readonly role: string; readonly changesPerSecond: number }[];
    };
    const leader = members.find(({ role }) => role === 'leader');
    expect(leader?.changesPerSecond).toBeGreaterThan(0);
  });

  test('stays in its place on a terminal until q is pressed, and leaves it as it was', async () => {
    const words = [process.execPath, ...nodeFlags, mainFile, 'top', '--interval', '100ms'];
    const command = `stty cols 120 rows 40; ${words.map(quoted).join(' ')}; stty -a`;
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      env: { ...process.env, QUORATE_ENDPOINTS: cluster.endpoints, TERM: 'xterm' },
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    await found('a table', () => (/CHANGES\/S/.test(output) ? true : undefined));
    child.stdin.write('xq');
    const [code] = (await once(child, 'close')) as [number];

    expect(code).toBe(0);
    expect(output).toContain('\u001b[?1049h');
    expect(output.lastIndexOf('\u001b[?1049l')).toBeGreaterThan(output.lastIndexOf('CHANGES/S'));
    expect(output).toMatch(/[^-]icanon/);
    expect(output).toMatch(/[^-]echo /);
  });
});
