import { crc32 } from 'node:zlib';
import type {
  Snapshot,
  SnapshotReceiver,
  SnapshotStore,
  SnapshotWhole,
} from '../../contract/snapshot-store.ts';
import type { SnapshotMeta } from '../../core/types.ts';
import { DamagedError, StoppedError } from '../../errors.ts';

/** Bytes of a snapshot. Grows until it is saved, and never changes after that. */
interface Content {
  readonly meta: SnapshotMeta;
  readonly chunks: Uint8Array[];
  size: number;
  checksum: number;
}

/** Snapshots in arrays of chunks. A replaced one lives on for as long as somebody reads it. */
export class MemorySnapshotStore implements SnapshotStore {
  #current: Content | undefined;
  /** What a leader has sent so far. At most one, kept aside over broken streams. */
  #part: Content | undefined;
  /** The only receiver that may write to `#part`: the latest. */
  #receiver: Receiver | undefined;
  #stopped = false;

  async current(): Promise<Snapshot | undefined> {
    this.#assertOpen();
    const content = this.#current;
    if (content === undefined) return undefined;
    const { meta, size, checksum } = content;
    return {
      meta,
      size,
      checksum,
      chunks: (from = 0) => readFrom(content, from, () => this.#assertOpen()),
    };
  }

  async save(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#assertOpen();
    const content = emptyContent(meta);
    for await (const chunk of chunks) {
      this.#assertOpen();
      add(content, chunk);
    }
    this.#assertOpen();
    this.#replace(content);
  }

  async receive(meta: SnapshotMeta): Promise<SnapshotReceiver> {
    this.#assertOpen();
    const part = this.#part?.meta.id === meta.id ? this.#part : emptyContent(meta);
    this.#part = part;
    const receiver = new Receiver(part, {
      assertLatest: (self) => this.#assertLatest(self),
      finish: () => {
        this.#dropPart();
        this.#replace(part);
      },
      discard: (self) => {
        if (self === this.#receiver) this.#dropPart();
      },
    });
    this.#receiver = receiver;
    return receiver;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
  }

  /** An older snapshot than the current one is dropped: `current` never goes back. */
  #replace(content: Content): void {
    const index = content.meta.lastLogId.index;
    if (index >= (this.#current?.meta.lastLogId.index ?? 0)) this.#current = content;
    if (this.#part !== undefined && this.#part.meta.lastLogId.index <= index) this.#dropPart();
  }

  #dropPart(): void {
    this.#part = undefined;
    this.#receiver = undefined;
  }

  #assertLatest(receiver: Receiver): void {
    this.#assertOpen();
    if (receiver === this.#receiver) return;
    throw new StoppedError(
      'This snapshot receiver is over: it was ended, or a later one took its place.',
    );
  }

  #assertOpen(): void {
    if (this.#stopped) throw new StoppedError('The snapshot store was disposed; open a new one.');
  }
}

interface ReceiverOwner {
  assertLatest(receiver: Receiver): void;
  finish(): void;
  discard(receiver: Receiver): void;
}

class Receiver implements SnapshotReceiver {
  readonly #part: Content;
  readonly #owner: ReceiverOwner;

  constructor(part: Content, owner: ReceiverOwner) {
    this.#part = part;
    this.#owner = owner;
  }

  get offset(): number {
    return this.#part.size;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#owner.assertLatest(this);
    add(this.#part, chunk);
  }

  async finish(whole: SnapshotWhole): Promise<void> {
    this.#owner.assertLatest(this);
    const { size, checksum } = this.#part;
    if (size === whole.size && checksum === whole.checksum) return this.#owner.finish();
    this.#owner.discard(this);
    throw new DamagedError(
      `The snapshot "${this.#part.meta.id}" should be ${whole.size} bytes with checksum ${whole.checksum}; what was received is ${size} bytes with checksum ${checksum}. It was dropped; receive it anew.`,
      { file: '(in memory)', offset: size, index: this.#part.meta.lastLogId.index },
    );
  }

  async discard(): Promise<void> {
    this.#owner.discard(this);
  }
}

function emptyContent(meta: SnapshotMeta): Content {
  return { meta, chunks: [], size: 0, checksum: 0 };
}

/** Copies the chunk, since its maker may fill the same buffer again for the next one. */
function add(content: Content, chunk: Uint8Array): void {
  if (chunk.byteLength === 0) return;
  content.chunks.push(new Uint8Array(chunk));
  content.size += chunk.byteLength;
  content.checksum = crc32(chunk, content.checksum);
}

async function* readFrom(
  content: Content,
  from: number,
  assertOpen: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!Number.isSafeInteger(from) || from < 0 || from > content.size) {
    throw new RangeError(`The snapshot has ${content.size} bytes; cannot start at ${from}.`);
  }
  let skip = from;
  for (const chunk of content.chunks) {
    assertOpen();
    if (skip < chunk.byteLength) yield skip === 0 ? chunk : chunk.subarray(skip);
    skip = Math.max(0, skip - chunk.byteLength);
  }
}
