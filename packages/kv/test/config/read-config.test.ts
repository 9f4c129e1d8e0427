import { describe, expect, test } from 'vitest';

import { type ReadConfig, readConfig } from '../../src/server/config/read-config.ts';
import type { ServeConfig } from '../../src/server/config/serve-config.ts';

function read(args: readonly string[], files: Readonly<Record<string, string>> = {}): ReadConfig {
  return readConfig({
    args,
    folder: '/here',
    readFile: (file) => {
      const text = files[file];
      if (text === undefined) throw new Error(`ENOENT: no such file, open '${file}'`);
      return text;
    },
  });
}

function configOf(args: readonly string[], files?: Readonly<Record<string, string>>): ServeConfig {
  const found = read(args, files);
  if (found.type !== 'run') throw new Error(JSON.stringify(found));
  return found.config;
}

function problemsOf(
  args: readonly string[],
  files?: Readonly<Record<string, string>>,
): readonly string[] {
  const found = read(args, files);
  return found.type === 'wrong' ? found.problems : [`It is ${found.type}.`];
}

const least = ['--name', 'a', '--data', 'data'];

describe('flags', () => {
  test('a name and a folder are enough', () => {
    expect(configOf(least)).toEqual({
      name: 'a',
      data: '/here/data',
      listen: { host: '127.0.0.1', port: 7001 },
      advertise: undefined,
      peers: undefined,
      join: undefined,
      voter: true,
      compaction: undefined,
      hashCheckMs: undefined,
      stopTimeoutMs: 10_000,
      logLevel: 'info',
      disk: {},
      tls: undefined,
      http: {
        listen: { host: '127.0.0.1', port: 8001 },
        advertise: undefined,
        tls: 'off',
        origins: [],
        limits: {},
      },
      limits: {},
      raft: {},
    });
  });

  test('every option can be set by its name', () => {
    const config = configOf([
      ...least,
      ...['--peers', 'a=10.0.0.1:7001,b=[::1]:7002'],
      ...['--listen=0.0.0.0:7001', '--http', 'off', '--stop-timeout', '1.5s'],
      ...['--compaction', 'time:2h,revisions:5000', '--log-level', 'warn'],
      ...['--set', 'limits.maxValueBytes=4MiB', '--set', 'raft.electionTimeoutMs.max=900'],
      ...['--set', 'raft.heartbeatMs=20', '--set', 'raft.snapshotAfterEntries=unlimited'],
    ]);

    expect(config).toMatchObject({
      peers: { a: '10.0.0.1:7001', b: '[::1]:7002' },
      listen: { host: '0.0.0.0', port: 7001 },
      http: undefined,
      stopTimeoutMs: 1500,
      compaction: { mode: 'time', keepMs: 7_200_000, keepAtMost: 5000 },
      logLevel: 'warn',
      limits: { maxValueBytes: 4 * 1024 * 1024 },
      raft: {
        electionTimeoutMs: { min: 300, max: 900 },
        heartbeatMs: 20,
        snapshotAfterEntries: Infinity,
      },
    });
  });

  test('everything that is wrong is told at once', () => {
    const problems = problemsOf([
      ...['--nmae', 'a', '--listen', '7001', '--stop-timeout', '10', '--join', 'b:0'],
      ...['--peers', 'a=x:1,b', '--compaction', 'time:soon', '--log-level', 'loud'],
      ...['--set', 'limits.maxKeyByts=1', '--set', 'limits', '--set', 'raft.heartbeatMs=200'],
      ...['--advertise', '--http', 'nowhere', 'stray'],
    ]);

    expect(problems).toEqual([
      '"stray": wanted flags only; see --help.',
      'There is no flag --nmae (did you mean "--name"?).',
      '--listen: wanted HOST:PORT, as 127.0.0.1:7001; got "7001".',
      '--stop-timeout: wanted a number with its unit (ms, s, m, h, d), as 10s; got "10".',
      '--join (0): wanted HOST:PORT, as 10.0.0.1:7001; got "b:0".',
      '--peers (b): wanted HOST:PORT, as 10.0.0.1:7001; got "".',
      '--compaction: wanted off, time:1h, revisions:100000, or time:1h,revisions:100000; got "time:soon".',
      '--log-level: wanted debug, info, warn, error or silent; got "loud".',
      '--set: there is no option "limits.maxKeyByts" (did you mean "limits.maxKeyBytes"?).',
      '--set: wanted NAME=VALUE; got limits.',
      '--advertise: wanted HOST:PORT, as 10.0.0.1:7001; got nothing.',
      '--http: wanted HOST:PORT, as 127.0.0.1:8001, or off; got "nowhere".',
      'name is absent: give --name, or "name" in the file.',
      'data is absent: give --data, or "data" in the file.',
      '--join: peers (--peers) form a new cluster, and join is for one that runs; give one of them.',
      '--set raft.heartbeatMs: raft.heartbeatMs must be at most half of electionTimeoutMs.min (300); it is 200.',
    ]);
  });

  test.each([
    [['--peers', 'b=x:1'], '--peers: peers must name this member as well: "a"; got b.'],
    [
      ['--listen', '0.0.0.0:1'],
      '--listen: 0.0.0.0 is no address that others can dial; give --advertise HOST:PORT too.',
    ],
    [['--tls-cert', 'c'], '--tls-cert: TLS needs tls.key and tls.ca as well.'],
    [['--set', 'http.tls=server'], '--set http.tls: needs tls.cert, tls.key and tls.ca.'],
    [
      ['--set', 'raft.electionTimeoutMs.min=700'],
      '--set raft.electionTimeoutMs.min: raft.electionTimeoutMs.max must be above min (700); it is 600.',
    ],
    [['--set', 'limits.maxValueBytes=9MiB'], 'as 65536 or "64 KiB", from 1 to 8388608'],
    [['--set', 'limits.maxNesting=0'], 'a whole number from 1 to 8'],
    [['--set', 'raft.maxClockDrift=1'], 'a number from 0 to below 1'],
    [['--config'], '--config: wanted a path; got nothing.'],
  ])('%j is refused', (args, says) => {
    expect(problemsOf([...least, ...args]).join('\n')).toContain(says);
  });

  test('help and version win over what is wrong', () => {
    expect(read(['--help', '--nonsense'])).toEqual({ type: 'help' });
    expect(read(['-h'])).toEqual({ type: 'help' });
    expect(read(['--version'])).toEqual({ type: 'version' });
  });
});

describe('a file', () => {
  test('has the options by their names, in YAML, and paths from where it lies', () => {
    const text = `
name: b
data: data/b
peers:
  a: 10.0.0.1:7001
  b: 10.0.0.2:7001
compaction: off
http:
  listen: 10.0.0.2:8001
  origins: ['https://app.example', '*']
  callTimeoutMs: 5s
tls: { cert: tls/b.crt, key: tls/b.key, ca: /etc/ca.crt, nodeNames: certificate }
limits:
  maxKeyBytes: 1 KiB
raft:
  electionTimeoutMs: { min: 1000, max: 2s }
`;

    const config = configOf(['--config', 'etc/q.yaml'], { '/here/etc/q.yaml': text });

    expect(config).toMatchObject({
      name: 'b',
      data: '/here/etc/data/b',
      peers: { a: '10.0.0.1:7001', b: '10.0.0.2:7001' },
      compaction: 'off',
      http: {
        listen: { host: '10.0.0.2', port: 8001 },
        tls: 'mutual',
        origins: ['https://app.example', '*'],
        limits: { callTimeoutMs: 5000 },
      },
      tls: {
        cert: '/here/etc/tls/b.crt',
        key: '/here/etc/tls/b.key',
        ca: '/etc/ca.crt',
        nodeNames: 'certificate',
      },
      limits: { maxKeyBytes: 1024 },
      raft: { electionTimeoutMs: { min: 1000, max: 2000 } },
    });
  });

  test('may be JSON, and flags win over it', () => {
    const text = '{"name": "b", "data": "d", "http": {"listen": "127.0.0.1:1"}}';
    const args = ['--config', '/q.json', '--name', 'c', '--http', '127.0.0.1:2'];

    const config = configOf(args, { '/q.json': text });

    expect(config).toMatchObject({ name: 'c', data: '/d', http: { listen: { port: 2 } } });
  });

  test('has everything that is wrong with it told with its line', () => {
    const text = `name: "a b"
data: d
lisen: 10.0.0.1:7001
peers:
  a: 10.0.0.1
raft:
  heartbeatMs: fast
  heartbeetMs: 5
limits: 5
join:
  - 10.0.0.1:7001
  - nowhere
voter: perhaps
`;

    expect(problemsOf(['--config', '/q.yaml'], { '/q.yaml': text })).toEqual([
      '/q.yaml:1: name: wanted a name of up to 64 letters, digits, ".", "_" and "-"; got "a b".',
      '/q.yaml:3: there is no option "lisen" (did you mean "listen"?).',
      '/q.yaml:5: peers (a): wanted HOST:PORT, as 10.0.0.1:7001; got "10.0.0.1".',
      '/q.yaml:7: raft.heartbeatMs: wanted a number of milliseconds, as 500 or 10s; got "fast".',
      '/q.yaml:8: there is no option "raft.heartbeetMs" (did you mean "raft.heartbeatMs"?).',
      '/q.yaml:9: limits has options in it: wanted a map.',
      '/q.yaml:12: join (1): wanted HOST:PORT, as 10.0.0.1:7001; got "nowhere".',
      '/q.yaml:13: voter: wanted true or false; got "perhaps".',
      '/q.yaml:10: join: peers (/q.yaml:4: peers) form a new cluster, and join is for one that runs; give one of them.',
    ]);
  });

  test.each([
    ['name: a\nname: b\n', '/q.yaml:2: Map keys must be unique'],
    ['name: [a\n', '/q.yaml:2: '],
    ['- a\n', '/q.yaml:1: wanted a map of options.'],
    ['name: &n a\ndata: *n\n', '/q.yaml:2: wanted a value; got the reference *n.'],
    ['5: a\n', '/q.yaml:1: wanted the name of an option.'],
    ['name:\n', '/q.yaml:1: name: wanted a name'],
  ])('that is %j is refused', (text, says) => {
    expect(problemsOf(['--config', '/q.yaml'], { '/q.yaml': text }).join('\n')).toContain(says);
  });

  test('that cannot be read is said to be', () => {
    expect(problemsOf([...least, '--config', 'q.yaml'])).toEqual([
      "--config: ENOENT: no such file, open '/here/q.yaml'",
    ]);
  });

  test('that is empty says nothing', () => {
    expect(configOf([...least, '--config', '/q.yaml'], { '/q.yaml': '' }).name).toBe('a');
  });
});
