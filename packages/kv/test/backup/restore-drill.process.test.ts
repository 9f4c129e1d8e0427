import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

import { KvClient } from '../../src/client.ts';
import { KvMember } from '../../src/server/member.ts';
import { runHere } from '../cli/support/in-process.ts';
import { MemberCluster, patience, until } from '../member/support/member-cluster.ts';

interface Saved {
  readonly revision: number;
  readonly hash: string;
  readonly keys: number;
  readonly cluster: string;
}

/** Four writers that put numbers one after the other, each under a key of its own. */
class Load {
  readonly #client: KvClient;
  readonly #ending = new AbortController();
  /** The revision of each number that was acknowledged, by writer. */
  readonly acknowledged: number[][] = [[], [], [], []];
  readonly #running: Promise<unknown>;

  constructor(client: KvClient) {
    this.#client = client;
    this.#running = Promise.all(
      this.acknowledged.map((revisions, lane) => this.#run(lane, revisions)),
    );
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  async #run(lane: number, revisions: number[]): Promise<void> {
    for (let number = 0; !this.#ending.signal.aborted; number += 1) {
      const { revision } = await this.#client.put(`load/${lane}`, `${number}`);
      revisions.push(revision);
    }
  }
}

test('a cluster that lost everything goes on from its backup, at the revision that this names', async () => {
  const cluster = await MemberCluster.start(['a', 'b', 'c']);
  const folder = await mkdtemp(path.join(tmpdir(), 'quorate-drill-'));
  await using _ = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
  const peers = Object.entries(cluster.peers)
    .map(([name, address]) => `${name}=${address}`)
    .join(',');
  const endpoints = Object.values(cluster.peers).join(',');
  const file = path.join(folder, 'drill.qkvb');
  const servers = Object.values(cluster.peers);

  // A backup while it is written to.
  const client = new KvClient({ servers });
  const lease = await client.grantLease(600);
  await client.put('leased', 'x', { lease: lease.id });
  const load = new Load(client);
  await until('there is a load', () => load.acknowledged.every((lane) => lane.length > 20));
  const save = await runHere(['snapshot', 'save', file, '--endpoints', endpoints, '--json']);
  await load.stop();
  expect([save.code, save.stderr]).toEqual([0, '']);
  const saved = JSON.parse(save.stdout) as Saved;
  await client.close();

  // Everything is lost.
  await cluster[Symbol.asyncDispose]();

  const data = path.join(folder, 'data');
  const restore = await runHere(['snapshot', 'restore', file, '--data', data, '--peers', peers]);
  expect([restore.code, restore.stderr]).toEqual([0, '']);
  expect(restore.stdout).toContain(`restored revision ${saved.revision}: ${saved.keys} keys`);

  const members = await Promise.all(
    Object.entries(cluster.peers).map(([name, address]) => {
      const { hostname: host, port } = new URL(`tcp://${address}`);
      const listen = { host, port: Number(port) };
      return KvMember.start({ name, directory: path.join(data, name), listen });
    }),
  );
  await using closing = { [Symbol.asyncDispose]: () => closeAll(members) };
  void closing;
  await Promise.all(members.map((member) => member.ready(patience())));

  for (const { store, raft } of members) {
    // No session of the old cluster, which is the index of an entry, can come again.
    expect(raft.metrics.last.index).toBeGreaterThan(1_000_000_000);
    expect([store.revision, store.hash()]).toEqual([saved.revision, saved.hash]);
  }
  await using again = new KvClient({ servers });
  for (const [lane, revisions] of load.acknowledged.entries()) {
    // Exactly what was acknowledged up to that revision, and not a write less or more.
    const count = revisions.filter((revision) => revision <= saved.revision).length;
    const entry = await again.get(`load/${lane}`);
    expect(entry?.text()).toBe(`${count - 1}`);
  }
  const { remaining, keys } = await again.leaseTimeToLive(lease.id, { keys: true });
  expect(remaining).toBeGreaterThan(590);
  expect(keys.map((key) => Buffer.from(key).toString())).toEqual(['leased']);
  expect((await again.put('next', '1')).revision).toBe(saved.revision + 1);
  expect((await again.status()).cluster).not.toBe(saved.cluster);
});

async function closeAll(members: readonly KvMember[]): Promise<void> {
  await Promise.all(members.map((member) => member.close()));
}
