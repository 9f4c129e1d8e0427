import { rm } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ExampleClient } from '../kv-memstore/client.ts';
import { networkNames } from '../kv-memstore/server-options.ts';
import { eventually } from '../kv-memstore/test-support/eventually.ts';
import { Program } from '../kv-memstore/test-support/program.ts';
import { freePorts } from '../kv-memstore/test-support/started-cluster.ts';
import { TemporaryFolder } from '../kv-memstore/test-support/temporary-folder.ts';

/** Snapshots as often as can be, and no log is kept behind one. */
const eagerSnapshots = ['--snapshot-after-bytes', '1', '--keep-bytes', '0'];

/** Nodes 1 to 3 as processes, each with its data, on ports that nobody else takes meanwhile. */
class Nodes implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #firstPort: number;
  readonly #options: readonly string[];
  readonly #programs = new Map<number, Program>();

  private constructor(folder: TemporaryFolder, firstPort: number, options: readonly string[]) {
    this.#folder = folder;
    this.#firstPort = firstPort;
    this.#options = options;
  }

  static async start(options: readonly string[] = []): Promise<Nodes> {
    const nodes = new Nodes(await TemporaryFolder.make(), await freePorts(), options);
    await Promise.all([1, 2, 3].map((id) => nodes.start(id)));
    return nodes;
  }

  addressOf(id: number): string {
    return `127.0.0.1:${this.#firstPort + id - 1}`;
  }

  /** A client that begins with this node. */
  client(id: number): ExampleClient {
    return new ExampleClient(this.addressOf(id));
  }

  async start(id: number): Promise<void> {
    const where = ['--id', `${id}`, '--addr', this.addressOf(id), '--data', this.#dataOf(id)];
    const program = new Program('../kv-rocksdb/main.ts', [...where, ...this.#options]);
    this.#programs.set(id, program);
    await program.printed(/listens on (\S+)/);
  }

  async kill(id: number): Promise<void> {
    await this.#programs.get(id)?.[Symbol.asyncDispose]();
  }

  /** What a node may lose without harm: it has a snapshot and the log behind it. */
  async loseState(id: number): Promise<void> {
    await rm(path.join(this.#dataOf(id), 'state'), { recursive: true });
  }

  /** Makes all three voters, as a reader would by hand, and returns who votes in the end. */
  async becomeCluster(): Promise<unknown> {
    const one = this.client(1);
    await one.init();
    // A leader changes no membership before an entry of its own term is committed.
    await eventually(
      'node 1 leads, and has committed in its term',
      () => one.metrics(),
      ({ current_term, committed }) => committed?.leader_id.term === current_term,
    );
    await one.addLearner(2, this.addressOf(2));
    await one.addLearner(3, this.addressOf(3));
    const changed = await one.changeMembership([1, 2, 3]);
    return changed.membership?.configs;
  }

  async allRead(ids: readonly number[], key: string, value: string): Promise<void> {
    for (const id of ids) {
      await eventually(
        `node ${id} reads ${value}`,
        () => this.client(id).read(key),
        (got) => got === value,
      );
    }
  }

  async leaderAmong(ids: readonly number[]): Promise<number> {
    const states = await eventually(
      'one of them leads',
      () => Promise.all(ids.map(async (id) => (await this.client(id).metrics()).state)),
      (found) => found.includes('Leader'),
    );
    return ids[states.indexOf('Leader')] ?? 0;
  }

  #dataOf(id: number): string {
    return path.join(this.#folder.path, `node-${id}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.#programs.keys()) await this.kill(id);
    await this.#folder[Symbol.asyncDispose]();
  }
}

test.each(networkNames)(
  'three processes over %s keep their state in RocksDB, lose their leader, and get it back',
  async (network) => {
    await using nodes = await Nodes.start(['--network', network]);
    expect(await nodes.becomeCluster()).toEqual([[1, 2, 3]]);
    await nodes.client(1).set('foo', 'bar');
    await nodes.allRead([1, 2, 3], 'foo', 'bar');

    await nodes.kill(1);
    const leader = await nodes.leaderAmong([2, 3]);
    expect(await nodes.client(3).read('foo')).toBe('bar');
    const written = await nodes.client(leader).set('foo', 'wow');
    const version = written.data.version ?? 0;
    await nodes.allRead([2, 3], 'foo', 'wow');

    await nodes.start(1);
    await nodes.allRead([1], 'foo', 'wow');
    const client = nodes.client(leader);
    expect((await client.compareAndSet('foo', version, 'zoo')).data.value).toBe('zoo');
    expect((await client.compareAndSet('foo', version, 'zap')).data).toEqual({ value: null });
    expect((await client.compareAndSet('nothing', 0, 'zap')).data).toEqual({ value: null });
    await nodes.allRead([1, 2, 3], 'foo', 'zoo');

    await client.changeMembership([3]);
    expect(await nodes.leaderAmong([3])).toBe(3);
    expect((await nodes.client(3).set('foo', 'zoo')).data.value).toBe('zoo');
    expect(await nodes.client(3).read('foo')).toBe('zoo');
  },
);

test('a node whose missing entries are purged catches up by a snapshot; one that lost its state has one', async () => {
  await using nodes = await Nodes.start(eagerSnapshots);
  await nodes.becomeCluster();
  await nodes.client(1).set('before', 'here');
  await nodes.allRead([3], 'before', 'here');
  const known = (await nodes.client(3).metrics()).last_log_index ?? 0;
  await nodes.kill(3);

  const leader = await nodes.leaderAmong([1, 2]);
  const client = nodes.client(leader);
  for (let at = 0; at < 50; at += 1) await client.set(`key ${at % 10}`, `value ${at}`);
  await eventually(
    'the entries that node 3 misses are purged',
    () => client.metrics(),
    ({ purged }) => (purged?.index ?? 0) > known,
  );
  await nodes.start(3);
  await nodes.allRead([3], 'key 9', 'value 49');

  const { snapshot } = await nodes.client(3).metrics();
  expect(snapshot?.index).toBeGreaterThan(known);
  const wanted = await client.digest();
  expect(wanted.entries).toBe(11);
  expect(await nodes.client(3).digest()).toEqual(wanted);

  // All at once, so that nobody can tell another what it has forgotten.
  await Promise.all([1, 2, 3].map((id) => nodes.kill(id)));
  await nodes.loseState(2);
  await Promise.all([1, 2, 3].map((id) => nodes.start(id)));
  const next = await nodes.leaderAmong([1, 2, 3]);
  await nodes.client(next).set('after', 'all');
  await nodes.allRead([1, 2, 3], 'after', 'all');
  const digest = await nodes.client(1).digest();
  expect(digest.entries).toBe(12);
  for (const id of [2, 3]) expect(await nodes.client(id).digest()).toEqual(digest);
});

test('without a place for its data a node says so and does not start', async () => {
  await using program = new Program('../kv-rocksdb/main.ts', [
    '--id',
    '1',
    '--addr',
    '127.0.0.1:0',
  ]);

  await program.ended();

  expect(program.exitCode).toBe(1);
  expect(program.stderr).toContain('wants --data with a directory');
});
