import type { CallOptions, RaftRpc } from '../../src/contract/network.ts';
import type { SnapshotStore } from '../../src/contract/snapshot-store.ts';
import type { Event } from '../../src/core/event.ts';
import type { InstallSnapshotRequest, InstallSnapshotResponse } from '../../src/core/message.ts';
import type { RaftConfig } from '../../src/node/options.ts';
import { completeConfig } from '../../src/node/options.ts';
import { SendPace } from '../../src/node/send-pace.ts';
import { SnapshotSender } from '../../src/node/snapshot-sender.ts';
import { Transfers } from '../../src/node/transfers.ts';
import { MemorySnapshotStore } from '../../src/storage/memory/snapshot-store.ts';
import { metaAt, Stream } from './snapshots.ts';
import { settle, VirtualRuntime } from './virtual-runtime.ts';

export const stallMs = 1000;
export const contentBytes = 100;

export interface SnapshotCall {
  readonly request: InstallSnapshotRequest;
  readonly stream: AsyncIterator<Uint8Array>;
  readonly options: CallOptions | undefined;
  readonly answer: (response: Partial<InstallSnapshotResponse>) => void;
  readonly refuse: (reason: unknown) => void;
}

/** A node that sends a snapshot of 100 bytes up to entry 9, in chunks of 10; the test answers. */
export class SenderUnderTest {
  readonly runtime = new VirtualRuntime();
  readonly store: SnapshotStore;
  readonly transfers: Transfers;
  readonly events: Event[] = [];
  readonly calls: SnapshotCall[] = [];
  readonly sender: SnapshotSender;
  onCall: (call: SnapshotCall) => void = () => undefined;

  private constructor(config: RaftConfig, store: SnapshotStore) {
    this.store = store;
    this.transfers = new Transfers(config);
    const connection: Pick<RaftRpc, 'installSnapshot'> = {
      installSnapshot: (request, chunks, options) => {
        const { promise, resolve, reject } = Promise.withResolvers<InstallSnapshotResponse>();
        const answer = (response: Partial<InstallSnapshotResponse>): void =>
          resolve({ term: 1, stored: 0, match: 0, ...response });
        const stream = chunks[Symbol.asyncIterator]();
        const call = { request, stream, options, answer, refuse: reject };
        this.calls.push(call);
        this.onCall(call);
        return promise;
      },
    };
    const identity = { cluster: 'c', node: 'a', incarnation: 'i', starts: 1 };
    this.sender = new SnapshotSender({
      connection,
      to: { node: 'b', incarnation: 'disk-b' },
      store: this.store,
      transfers: this.transfers,
      pace: new SendPace(config.snapshotBytesPerSecond, this.runtime),
      config,
      runtime: this.runtime,
      identity: () => identity,
      post: (event) => this.events.push(event),
    });
  }

  static async open(
    config: Partial<RaftConfig> = {},
    store: SnapshotStore = new MemorySnapshotStore(),
  ): Promise<SenderUnderTest> {
    const complete = completeConfig({ snapshotStallMs: stallMs, ...config });
    const under = new SenderUnderTest(complete, store);
    await under.store.save(metaAt(9), new Stream(new Uint8Array(contentBytes), 10));
    return under;
  }

  async send(call: number, term = 1): Promise<void> {
    this.sender.send(call, term);
    await settle();
  }

  get lastCall(): SnapshotCall {
    return this.calls.at(-1) as SnapshotCall;
  }

  async answer(response: Partial<InstallSnapshotResponse>): Promise<void> {
    this.lastCall.answer(response);
    await settle();
  }

  get offsets(): number[] {
    return this.calls.map(({ request }) => request.offset);
  }
}

/** Takes a stream to its end; returns how many bytes came. */
export async function drain(stream: AsyncIterator<Uint8Array>): Promise<number> {
  let bytes = 0;
  for (;;) {
    const next = await stream.next();
    if (next.done === true) return bytes;
    bytes += next.value.length;
  }
}
