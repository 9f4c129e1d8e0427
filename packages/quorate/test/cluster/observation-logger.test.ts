import { expect, test } from 'vitest';
import type { Logger, LogLevel } from '../../src/node/logger.ts';
import { Raft } from '../../src/node/raft.ts';
import { Cluster, calm, quick, soon } from './kit.ts';
import { bare, leaveBehind } from './snapshot-kit.ts';

const three = ['a', 'b', 'c'];

interface Line {
  readonly level: LogLevel;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** Keeps the lines of all nodes of a test. */
class Lines {
  readonly lines: Line[] = [];
  readonly logger: Logger = {
    debug: (fields, message) => this.#add('debug', fields, message),
    info: (fields, message) => this.#add('info', fields, message),
    warn: (fields, message) => this.#add('warn', fields, message),
    error: (fields, message) => this.#add('error', fields, message),
  };

  of(node: string): string[] {
    return this.lines
      .filter(({ fields }) => fields['node'] === node)
      .map(({ level, message }) => `${level}: ${message}`);
  }

  find(message: string): Line | undefined {
    return this.lines.find((line) => line.message === message);
  }

  #add(level: LogLevel, fields: object, message: string): void {
    this.lines.push({ level, fields: { ...fields }, message });
  }
}

test('the life of a node in a cluster of its own', async () => {
  const lines = new Lines();
  {
    await using cluster = await Cluster.of(['a'], { options: { logger: lines.logger } });
    await cluster.write('x');
  }

  expect(lines.of('a')).toEqual([
    'info: started',
    'debug: is follower now',
    'info: another membership is in force',
    'debug: stands for election',
    'debug: is candidate now',
    'info: is leader now',
    'info: has a leader',
    'info: closed',
  ]);
  expect(lines.find('has a leader')?.fields).toEqual({ node: 'a', leader: 'a', term: 1 });
});

test('nothing is logged for entries, calls and heartbeats', async () => {
  const lines = new Lines();
  await using cluster = await Cluster.of(three, { options: { logger: lines.logger } });
  await cluster.awaitApplied((await cluster.write('first')).logId.index);
  const before = lines.lines.length;
  const { heartbeatsSent } = cluster.first.metrics.counts;

  await Promise.all(Array.from({ length: 300 }, (_, at) => cluster.write(at)));
  await cluster.first.raft.readBarrier(soon());
  await cluster.first.waitFor(({ counts }) => counts.heartbeatsSent > heartbeatsSent + 4);

  expect(lines.lines.slice(before)).toEqual([]);
});

test('a leader without a quorum warns that it gave up, and its successor is announced', async () => {
  const lines = new Lines();
  await using cluster = await Cluster.of(three, {
    config: quick,
    options: { logger: lines.logger },
  });
  const old = await cluster.awaitLeader();

  cluster.isolate(old.id);
  await old.waitFor(({ role }) => role !== 'leader');
  const next = await cluster.awaitLeader(cluster.others(old));

  expect(lines.of(old.id)).toContain('warn: gave up leadership, which nobody took over');
  expect(lines.of(next.id)).toContain('info: is leader now');
});

test('a leader that hands over leads no more, and nothing is to be warned of', async () => {
  const lines = new Lines();
  await using cluster = await Cluster.of(three, { options: { logger: lines.logger } });
  await cluster.awaitApplied((await cluster.write('x')).logId.index);

  await cluster.first.raft.transferLeadership('b', soon());
  await cluster.node('b').waitFor(({ role }) => role === 'leader');

  expect(lines.of('a')).toContain('info: leads no more');
  expect(lines.of('b')).toContain('info: is leader now');
  expect(lines.lines.filter(({ level }) => level === 'warn')).toEqual([]);
});

test('a member that is silent is one warning, and one line when it is back', async () => {
  const lines = new Lines();
  const config = { ...calm, electionTimeoutMs: { min: 100, max: 20_000 } };
  await using cluster = await Cluster.of(['a', 'b', 'c'], {
    config: { ...config, callTimeoutMs: 50 },
    options: { logger: lines.logger },
  });
  const silent = (): number =>
    lines.of('a').filter((line) => line === 'warn: a member does not answer').length;
  // A voter that hears nobody campaigns; a learner only waits.
  await cluster.first.raft.changeVoters(['a', 'b'], { ...soon(), keepRemoved: true });

  await cluster.stop('c');
  await cluster.first.waitFor(() => silent() > 0);
  const { callsUnanswered } = cluster.first.metrics.counts;
  await cluster.first.waitFor(({ counts }) => counts.callsUnanswered > callsUnanswered + 5);

  expect(silent()).toBe(1);
  await cluster.start('c');
  await cluster.first.waitFor(() => lines.of('a').includes('info: a member answers again'));
  expect(lines.find('a member does not answer')?.fields).toMatchObject({ node: 'a', to: 'c' });
});

test('snapshots and memberships are logged, and a build that fails is a warning', async () => {
  const lines = new Lines();
  await using cluster = await Cluster.of(three, {
    config: bare,
    options: { logger: lines.logger },
  });
  await leaveBehind(cluster, ['c']);
  await cluster.start('c');
  await cluster.first.waitFor(({ counts }) => counts.snapshotsSent > 0);
  await cluster.first.raft.write('x', soon());
  cluster.first.storage.snapshots.save = () => Promise.reject(new Error('no room'));
  await cluster.first.raft.takeSnapshot(soon()).catch(() => undefined);

  expect(lines.of('a')).toContain('info: built a snapshot');
  expect(lines.of('a')).toContain('info: sent a snapshot');
  expect(lines.of('c')).toContain('info: received a snapshot');
  expect(lines.find('a snapshot could not be built')).toMatchObject({
    level: 'warn',
    fields: { node: 'a', err: new Error('no room') },
  });
  expect(lines.find('another membership is in force')?.fields).toMatchObject({
    voters: [three],
    learners: [],
  });
});

test('a snapshot that cannot be sent is counted and warned of, until it gets through', async () => {
  const lines = new Lines();
  await using cluster = await Cluster.of(three, {
    config: bare,
    options: { logger: lines.logger },
  });
  await leaveBehind(cluster, ['c']);
  cluster.wires.onCall = ({ call }) => {
    if (call === 'installSnapshot') throw new Error('the wire broke');
  };
  await cluster.start('c');

  const failed = await cluster.first.waitFor(({ counts }) => counts.snapshotsFailed > 0);
  cluster.wires.onCall = () => undefined;
  await cluster.first.waitFor(({ counts }) => counts.snapshotsSent > 0);

  expect(failed.counts.snapshotsSent).toBe(0);
  expect(lines.find('a snapshot could not be sent')?.fields).toMatchObject({
    node: 'a',
    to: 'c',
    err: new Error('the wire broke'),
  });
});

test('a node that stops by itself logs the error, once and last', async () => {
  const lines = new Lines();
  await using cluster = await Cluster.of(['a'], { options: { logger: lines.logger } });
  const { raft, machine } = cluster.first;
  machine.apply = () => {
    throw new Error('broken');
  };

  await raft.write('x', soon()).catch(() => undefined);

  expect(lines.of('a').filter((line) => line.startsWith('error'))).toHaveLength(1);
  expect(lines.lines.at(-1)).toMatchObject({
    level: 'error',
    message: 'stopped by itself',
    fields: { node: 'a', err: raft.metrics.fatal },
  });
});

test('a logger that throws or rejects costs the node nothing', async () => {
  let asked = 0;
  const fail = (): never => {
    asked += 1;
    throw new Error('the log file is full');
  };
  const reject = async (): Promise<void> => fail();
  const logger = { debug: fail, info: fail, warn: reject, error: fail };
  await using cluster = await Cluster.of(three, { config: quick, options: { logger } });
  const old = await cluster.awaitLeader();

  cluster.isolate(old.id);
  await cluster.awaitLeader(cluster.others(old));
  cluster.wires.heal();
  await cluster.awaitApplied((await cluster.write('x')).logId.index);

  expect(asked).toBeGreaterThan(5);
  for (const { metrics } of cluster.all) expect(metrics.fatal).toBeUndefined();
});

test('a logger that lacks a method is refused in words', async () => {
  await using cluster = await Cluster.passive(['a']);
  const { storage, machine } = cluster.first;
  const options = { id: 'b', storage, stateMachine: machine, network: cluster.wires };
  const logger = { debug() {}, info() {}, error() {} } as unknown as Logger;

  await expect(Raft.start({ ...options, logger })).rejects.toThrow(
    'options.logger must have the methods debug, info, warn, error, as those of pino and console; warn is undefined.',
  );
});
