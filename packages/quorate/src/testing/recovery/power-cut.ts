import type { LogStore } from '../../contract/log-store.ts';
import type { SnapshotReceiver, SnapshotStore } from '../../contract/snapshot-store.ts';
import type { Storage } from '../../contract/storage.ts';

/** Cuts the power of a node's disks after so many steps: from then on nothing is done any more. */
export class PowerCut {
  readonly #after: number;
  #steps = 0;
  readonly #cut = Promise.withResolvers<void>();

  constructor(after: number) {
    this.#after = after;
  }

  /** `true` once a step was asked for that could not be done. */
  get isCut(): boolean {
    return this.#steps > this.#after;
  }

  /** Resolves in that moment. */
  get happens(): Promise<void> {
    return this.#cut.promise;
  }

  /** @throws if the power is cut. */
  pass(): void {
    if (this.#steps <= this.#after) this.#steps += 1;
    if (!this.isCut) return;
    this.#cut.resolve();
    throw new Error('The power is cut.');
  }

  /** One thing that is done. The power may be cut before it, or before anybody hears of it. */
  async around<Result>(run: () => Promise<Result> | Result): Promise<Result> {
    this.pass();
    const result = await run();
    this.pass();
    return result;
  }

  /** Hands chunks on; each is a step. */
  async *each(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of chunks) {
      this.pass();
      yield chunk;
    }
  }
}

/** The storage as it is, for as long as there is power. Its owner closes the one underneath. */
export function poweredBy(cut: PowerCut, { log, snapshots }: Storage): Storage {
  return {
    log: poweredLog(cut, log),
    snapshots: poweredSnapshots(cut, snapshots),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function poweredLog(cut: PowerCut, log: LogStore): LogStore {
  const write = log.write?.bind(log);
  return {
    readIdentity: () => log.readIdentity(),
    readVote: () => log.readVote(),
    state: () => log.state(),
    read: (from, to, options) => log.read(from, to, options),
    saveIdentity: (identity) => cut.around(() => log.saveIdentity(identity)),
    saveVote: (vote) => cut.around(() => log.saveVote(vote)),
    append: (entries) => cut.around(() => log.append(entries)),
    truncate: (index) => cut.around(() => log.truncate(index)),
    purge: (logId) => cut.around(() => log.purge(logId)),
    ...(write === undefined ? {} : { write: (parts) => cut.around(() => write(parts)) }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function poweredSnapshots(cut: PowerCut, snapshots: SnapshotStore): SnapshotStore {
  return {
    current: () => snapshots.current(),
    save: (meta, chunks) => cut.around(() => snapshots.save(meta, cut.each(chunks))),
    receive: async (meta) => poweredReceiver(cut, await cut.around(() => snapshots.receive(meta))),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function poweredReceiver(cut: PowerCut, receiver: SnapshotReceiver): SnapshotReceiver {
  return {
    get offset() {
      return receiver.offset;
    },
    write: (chunk) => cut.around(() => receiver.write(chunk)),
    finish: (whole) => cut.around(() => receiver.finish(whole)),
    discard: () => cut.around(() => receiver.discard()),
  };
}
