import { setTimeout as sleep } from 'node:timers/promises';
import type { Findings } from '../../../quorate/test/chaos/findings.ts';
import { Random } from '../../../quorate/test/walker/random.ts';
import { KvClient } from '../../src/client.ts';
import type { Journal } from './journal.ts';
import { keepLeases, leaveLeases } from './leases.ts';
import { WholeWatch, watchParts } from './watchers.ts';
import { type Worker, workOnCounters, workOnLists, workOnRegisters } from './workers.ts';

/** Once all is well, by then each call must have ended. */
const finishWithinMs = 30_000;
/** Of these clients, calls often end without an answer. */
const hastyMs = 250;
const hastyEvery = 3;
/** A client finds the cluster by one member only, or is told all. */
const knowsOneEvery = 2;

export interface WorkforceOptions {
  readonly seed: string;
  /** How many clients there are. */
  readonly count: number;
  /** Addresses of the members, and one more where somebody may come. */
  readonly servers: readonly string[];
}

type Work = (worker: Worker) => Promise<void>;

/** All clients, and who works with them. They begin at once. */
export class Workforce {
  readonly watch: WholeWatch;
  /** One that is there to the end, and that no worker uses. */
  readonly client: KvClient;
  readonly #clients: readonly KvClient[];
  readonly #findings: Findings;
  readonly #over = new AbortController();
  readonly #working = new Map<string, Promise<void>>();

  constructor(
    { seed, count, servers }: WorkforceOptions,
    { journal, findings }: { readonly journal: Journal; readonly findings: Findings },
  ) {
    this.#findings = findings;
    this.client = new KvClient({ servers, timeoutMs: finishWithinMs });
    this.watch = new WholeWatch(this.client, journal, (code, text) => findings.add(code, text));
    this.#clients = Array.from({ length: count }, (_, at) => {
      // At the last address there is nobody at first.
      const one = servers[at % (servers.length - 1)] ?? '';
      const known = at % knowsOneEvery === 0 ? servers : [one];
      const hasty = at % hastyEvery === hastyEvery - 1 ? { timeoutMs: hastyMs } : {};
      return new KvClient({ servers: known, ...hasty });
    });
    const over = this.#over.signal;
    for (const [at, client] of this.#clients.entries()) {
      for (const work of worksFor(at)) {
        const name = `${at + 1} ${work.name}`;
        const random = new Random(seed, name);
        this.#employ(name, work({ name, client, servers, random, journal, over }));
      }
    }
  }

  /** Resolves when all workers have ended, or did not in time, which is a finding. */
  async finish(): Promise<void> {
    this.#over.abort();
    const late = new AbortController();
    const isLate = sleep(finishWithinMs, true, { signal: late.signal }).catch(() => false);
    await Promise.race([Promise.all(this.#working.values()), isLate]);
    late.abort();
    const names = [...this.#working.keys()];
    if (names.length === 0) return;
    const text = `${finishWithinMs} ms after all was well, calls have not ended: ${names.join(', ')}.`;
    this.#findings.add('calls-hang', text);
  }

  /** Closes the workers' clients: leases that they kept alive fall silent. */
  async closeClients(): Promise<void> {
    this.#over.abort();
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  async close(): Promise<void> {
    await this.closeClients();
    await this.watch.close();
    await this.client.close();
    await Promise.all(this.#working.values());
  }

  #employ(name: string, work: Promise<void>): void {
    const ended = work
      .catch((error: unknown) => {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#findings.add('worker-failed', `${name}: ${text}`);
      })
      .finally(() => this.#working.delete(name));
    this.#working.set(name, ended);
  }
}

function worksFor(at: number): readonly Work[] {
  const others: readonly Work[] = [watchParts, keepLeases, leaveLeases];
  const other = others[at % others.length] ?? watchParts;
  return [workOnRegisters, workOnLists, workOnCounters, other];
}
