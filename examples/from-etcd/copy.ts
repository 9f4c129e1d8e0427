// Copies the pairs of an etcd into a Quorate cluster.
//
//   node copy.ts http://127.0.0.1:2379 127.0.0.1:7001,127.0.0.1:7002 [PREFIX]
//
// What is there already with another value is left as it is and told, so the program may be run
// again. Pairs with a lease are left out: whoever keeps the lease alive in etcd writes them anew.

import { KvClient } from '@quorate/kv/client';

import { type EtcdPair, etcdPages } from './etcd-pages.ts';

/** One page is under way at a time; its puts are one message of the client. */
const pageSize = 500;
const timeoutMs = 30_000;
/** More would fill a terminal. */
const mostConflictsTold = 20;

interface Counts {
  copied: number;
  same: number;
  leased: number;
  readonly conflicts: string[];
}

const [url, servers, prefix = ''] = process.argv.slice(2);
if (url === undefined || servers === undefined || !URL.canParse(url)) {
  console.error('Usage: node copy.ts http://ETCD:2379 QUORATE:7001[,QUORATE:7001...] [PREFIX]');
  process.exit(2);
}
const kv = new KvClient({ servers: servers.split(','), timeoutMs });
try {
  process.exitCode = await copy({ url, prefix, kv });
} catch (error) {
  console.error(`The copy is not complete: ${told(error)}`);
  console.error('Mend that and run it again: what is copied already is passed over.');
  process.exitCode = 1;
} finally {
  await kv.close();
}

async function copy(from: {
  readonly url: string;
  readonly prefix: string;
  readonly kv: KvClient;
}): Promise<number> {
  const counts: Counts = { copied: 0, same: 0, leased: 0, conflicts: [] };
  const source = { url: from.url, prefix: Buffer.from(from.prefix), pageSize, timeoutMs };
  let revision = '';
  for await (const page of etcdPages(source)) {
    revision = page.revision;
    const kept = page.pairs.filter(({ isLeased }) => !isLeased);
    counts.leased += page.pairs.length - kept.length;
    await Promise.all(kept.map((pair) => put(from.kv, pair, counts)));
  }
  const { copied, same, leased, conflicts } = counts;
  console.log(`etcd was read as of its revision ${revision}.`);
  console.log(`${copied} copied, ${same} there already, ${leased} with a lease left out.`);
  if (conflicts.length === 0) return 0;
  console.error(
    `${conflicts.length} have another value in the cluster, and were left as they are:`,
  );
  for (const key of conflicts.slice(0, mostConflictsTold)) console.error(`  ${key}`);
  return 1;
}

/** Puts the pair if there is none. */
async function put(to: KvClient, { key, value }: EtcdPair, counts: Counts): Promise<void> {
  try {
    const { succeeded, current } = await to.put(key, value, { ifRevision: 0 });
    if (succeeded) counts.copied += 1;
    else if (current !== undefined && Buffer.from(current.value).equals(value)) counts.same += 1;
    else counts.conflicts.push(Buffer.from(key).toString());
  } catch (error) {
    throw new Error(`${Buffer.from(key).toString()}: ${told(error)}`, { cause: error });
  }
}

function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  // fetch says no more than that it failed; the reason is its cause.
  return error.message === 'fetch failed' && cause instanceof Error
    ? cause.message || String(cause)
    : error.message;
}
