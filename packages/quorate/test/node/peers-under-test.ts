import type { CallOptions, RaftRpc } from '../../src/contract/network.ts';
import type { Replication } from '../../src/core/action.ts';
import type { Event } from '../../src/core/event.ts';
import type { AppendEntriesRequest, AppendEntriesResponse } from '../../src/core/message.ts';
import { Log } from '../../src/node/log.ts';
import { completeConfig } from '../../src/node/options.ts';
import { Peers } from '../../src/node/peers.ts';
import { SendPace } from '../../src/node/send-pace.ts';
import { Transfers } from '../../src/node/transfers.ts';
import { MemorySnapshotStore } from '../../src/storage/memory/snapshot-store.ts';
import { commandRun } from './entries.ts';
import { GatedStore } from './gated-store.ts';
import { settle, VirtualRuntime } from './virtual-runtime.ts';

const config = completeConfig({
  heartbeatMs: 40,
  electionTimeoutMs: { min: 400, max: 800 },
  callTimeoutMs: 1000,
  maxAppendBytes: 200,
});

interface Call {
  readonly target: string;
  readonly request: AppendEntriesRequest;
  readonly options: CallOptions | undefined;
  readonly answer: (response: AppendEntriesResponse) => void;
  readonly refuse: (reason: unknown) => void;
}

export const accepted: AppendEntriesResponse = { term: 1, accepted: true, match: 0 };
export const heartbeat: Replication = {
  term: 1,
  previous: { term: 0, index: 0 },
  last: 0,
  committed: 0,
};

/** The peers of node `a`, with `b` among them, and a network that the test answers for. */
export class PeersUnderTest {
  readonly runtime = new VirtualRuntime();
  readonly store = new GatedStore();
  readonly log: Log;
  readonly peers: Peers;
  readonly events: Event[] = [];
  readonly failures: unknown[] = [];
  readonly calls: Call[] = [];
  /** The signals of the snapshots that are sent; none of them is ever answered. */
  readonly transfers: (AbortSignal | undefined)[] = [];
  readonly snapshots = new MemorySnapshotStore();
  readonly connections: string[] = [];
  readonly closed: string[] = [];
  /** Runs in the call itself. */
  onCall: () => void = () => undefined;
  /** What appends are answered in the call itself; `undefined` if the test answers later. */
  atOnce: AppendEntriesResponse | undefined = undefined;
  onClose: (target: string) => void = (target) => void this.closed.push(target);
  term = 1;

  constructor(tailCacheBytes = 1024) {
    const identity = { cluster: 'c', node: 'a', incarnation: 'i', starts: 1 };
    this.log = new Log({
      store: this.store,
      identity,
      last: 0,
      tailCacheBytes,
      onPersisted: () => {},
      onPurged: () => {},
      onFailure: (cause) => this.failures.push(cause),
    });
    this.peers = new Peers('a', {
      network: { ordered: true, connect: (id, { address }) => this.#connect(`${id}@${address}`) },
      log: this.log,
      snapshots: this.snapshots,
      transfers: new Transfers(config),
      pace: new SendPace(config.snapshotBytesPerSecond, this.runtime),
      config,
      runtime: this.runtime,
      identity: () => identity,
      currentTerm: () => this.term,
      beforeVote: () => undefined,
      post: (event) => this.events.push(event),
      onFailure: (cause) => this.failures.push(cause),
    });
    this.follow({ b: { address: 'one' } });
  }

  follow(nodes: Record<string, { address?: string; incarnation?: string }>): void {
    this.peers.follow({ cluster: 'c', voters: [['a']], nodes, logId: { term: 0, index: 1 } });
  }

  replicate(call: number, what: Replication = heartbeat, to = 'b'): void {
    this.peers.replicate({ type: 'replicate', call, to, range: what });
  }

  #connect(target: string): RaftRpc & AsyncDisposable {
    this.connections.push(target);
    const connection: Pick<RaftRpc, 'appendEntries' | 'installSnapshot'> & AsyncDisposable = {
      installSnapshot: (_request, _chunks, options) => {
        this.transfers.push(options?.signal);
        return new Promise(() => undefined);
      },
      appendEntries: (request, options) => {
        this.onCall();
        const { promise, resolve, reject } = Promise.withResolvers<AppendEntriesResponse>();
        this.calls.push({ target, request, options, answer: resolve, refuse: reject });
        return this.atOnce ?? promise;
      },
      [Symbol.asyncDispose]: async () => this.onClose(target),
    };
    return connection as RaftRpc & AsyncDisposable;
  }
}

export async function withEntries(count: number, tailCacheBytes?: number): Promise<PeersUnderTest> {
  const under = new PeersUnderTest(tailCacheBytes);
  under.log.persist({ write: 1, append: commandRun(1, 1, count + 1, 36) });
  await settle();
  return under;
}

export function range(previous: number, last: number): Replication {
  const term = previous === 0 ? 0 : 1;
  return { term: 1, previous: { term, index: previous }, last, committed: 0 };
}
