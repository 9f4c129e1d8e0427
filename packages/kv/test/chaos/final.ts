import { setTimeout as sleep } from 'node:timers/promises';
import type { Findings } from '../../../quorate/test/chaos/findings.ts';
import { Counter, KvError } from '../../src/client.ts';
import { readList } from '../model/list-client.ts';
import type { KvChaosCluster } from './cluster.ts';
import type { Journal } from './journal.ts';
import type { FinalState } from './verdict.ts';
import { everything } from './watchers.ts';
import { listsOf } from './workers.ts';
import type { Workforce } from './workforce.ts';

/** Everything is repaired; by then all must be well. */
const withinMs = 30_000;
const lookMs = 100;

/** Waits until every member says that it is ready. */
export async function untilReady(
  cluster: KvChaosCluster,
  ms: number,
  signal: AbortSignal,
): Promise<boolean> {
  return within(ms, async () => {
    if (signal.aborted) return true;
    const ready = await Promise.all(cluster.taken.map((slot) => cluster.isReady(slot)));
    return ready.every(Boolean);
  }).then((isThere) => isThere && !signal.aborted);
}

/** Reads what there is at the end, once no lease is left; what cannot be had is a finding. */
export async function readEnd(
  { journal, findings }: { readonly journal: Journal; readonly findings: Findings },
  workforce: Workforce,
): Promise<FinalState | undefined> {
  const { client, watch } = workforce;
  try {
    await workforce.closeClients();
    // Whatever was refused before, something new is taken again.
    await client.put('end', 'well');
    if (!(await within(withinMs, async () => (await client.leases()).length === 0))) {
      const left = (await client.leases()).join(', ');
      findings.add('leases-stay', `Leases that nobody keeps alive are still there: ${left}.`);
    }
    const lists = new Map<string, readonly number[]>();
    for (const generation of journal.generations.keys()) {
      for (const list of listsOf(generation)) {
        const found = await readList(client, list);
        lists.set(list, found.type === 'read' ? (found.list ?? []) : []);
      }
    }
    const totals = new Map<string, number>();
    for (const name of journal.increments.keys()) {
      totals.set(name, await new Counter(client, name).get());
    }
    const { revision } = await client.read({ ...everything, countOnly: true });
    const kept = await client.count({ prefix: 'lease-' });
    if (kept > 0) findings.add('leases-stay', `${kept} keys of leases are there without a lease.`);
    return { lists, totals, whole: await watch.upTo(revision, withinMs) };
  } catch (error) {
    if (!(error instanceof KvError)) throw error;
    const text = `${error.code}: ${error.message}`;
    findings.add('no-recovery', `After all was repaired, the end could not be read: ${text}`);
    return undefined;
  }
}

/** Waits until all members have come to the same revision, and compares their hashes. */
export async function compareHashes(cluster: KvChaosCluster, findings: Findings): Promise<void> {
  let seen = '';
  let hashes = new Set<string | undefined>();
  const areSame = await within(withinMs, async () => {
    const { taken } = cluster;
    const found = await Promise.all(taken.map((slot) => cluster.hashOf(slot)));
    seen = taken
      .map((slot, at) => `${cluster.nameOf(slot)} ${JSON.stringify(found[at])}`)
      .join('; ');
    hashes = new Set(found.map((one) => one?.hash));
    const revisions = new Set(found.map((one) => one?.revision));
    return revisions.size === 1 && !revisions.has(undefined);
  });
  if (!areSame) {
    const text = `The members did not come to the same revision within ${withinMs} ms: ${seen}.`;
    findings.add('no-recovery', text);
  } else if (hashes.size > 1) {
    findings.add('states-differ', `At the same revision the members differ: ${seen}.`);
  }
}

async function within(ms: number, isDone: () => Promise<boolean>): Promise<boolean> {
  const until = performance.now() + ms;
  while (!(await isDone())) {
    if (performance.now() > until) return false;
    await sleep(lookMs);
  }
  return true;
}
