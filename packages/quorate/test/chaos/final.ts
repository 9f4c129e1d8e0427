import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../walker/random.ts';
import type { Caller } from './call.ts';
import { Client } from './clients.ts';
import type { ChaosCluster } from './cluster.ts';
import type { Faults } from './faults.ts';
import type { Findings } from './findings.ts';
import type { ChaosHistory } from './history.ts';
import type { Operator } from './operator.ts';

/** Everything is repaired; by then all must be well. */
const recoverWithinMs = 30_000;
const roundMs = 100;
const readerCount = 8;

export interface FinalOptions {
  readonly cluster: ChaosCluster;
  readonly operator: Operator;
  readonly history: ChaosHistory;
  readonly caller: Caller;
  readonly findings: Findings;
}

/** Puts everything right, and waits until there is a leader with the whole membership. */
export async function recover(
  { cluster, operator, findings }: FinalOptions,
  faults: Faults,
): Promise<void> {
  const over = new AbortController();
  const late = sleep(recoverWithinMs, undefined, { signal: over.signal }).catch(() => undefined);
  await Promise.race([faults.repair(), late]);
  over.abort();
  const isThere = await within(() => operator.isWhole);
  if (isThere) return;
  const pictures = cluster.slots.map((slot) => {
    const { role, term, membership } = cluster.pictureOf(slot) ?? {};
    return `${cluster.nameOf(slot)} ${role} in term ${term}, voters ${JSON.stringify(membership?.voters)}`;
  });
  findings.add(
    'no-recovery',
    `${recoverWithinMs} ms after everything was repaired there is no leader with all nodes as voters: ${pictures.join('; ')}.`,
  );
}

/** Reads every key once more, through any node. */
export async function readAll({ cluster, history, caller, findings }: FinalOptions): Promise<void> {
  const keys = [...history.keys];
  const readers = Array.from({ length: readerCount }, async (_, at) => {
    const name = `end${at + 1}`;
    const random = new Random('end', name);
    const client = new Client(name, random, { cluster, history, caller });
    for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
      const operation = { type: 'get', key, mode: 'quorum' } as const;
      const isRead = await within(async () => {
        const { outcome } = await client.operate(operation, random.pick(cluster.slots));
        return outcome === 'ok';
      });
      if (!isRead) {
        findings.add('no-recovery', `${key} could not be read within ${recoverWithinMs} ms.`);
        return;
      }
    }
  });
  await Promise.all(readers);
}

/** Waits until all nodes have applied the same, and compares what came of it. */
export async function compareStates({ cluster, findings }: FinalOptions): Promise<void> {
  let seen = '';
  const areSame = await within(async () => {
    const states = await Promise.all(cluster.slots.map((slot) => cluster.stateOf(slot)));
    seen = cluster.names.map((name, at) => `${name} ${JSON.stringify(states[at])}`).join('; ');
    const [first] = states;
    return first !== undefined && states.every((state) => state?.applied === first.applied);
  });
  if (!areSame) {
    const text = `The nodes did not come to the same entry within ${recoverWithinMs} ms: ${seen}.`;
    findings.add('no-recovery', text);
  } else if (new Set(seen.match(/"chain":"[^"]*"/g)).size > 1) {
    findings.add('states-differ', `At the same entry the nodes differ: ${seen}.`);
  }
}

async function within(isDone: () => boolean | Promise<boolean>): Promise<boolean> {
  const until = performance.now() + recoverWithinMs;
  while (!(await isDone())) {
    if (performance.now() > until) return false;
    await sleep(roundMs);
  }
  return true;
}
