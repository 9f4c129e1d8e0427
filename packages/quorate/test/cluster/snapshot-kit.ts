import { crc32 } from 'node:zlib';
import type {
  AppendEntriesResponse,
  InstallSnapshotRequest,
  InstallSnapshotResponse,
} from '../../src/core/message.ts';
import type { EffectiveMembership, Entry, LogId, NodeId } from '../../src/core/types.ts';
import { sealEnvelope } from '../../src/node/snapshot-envelope.ts';
import { collect, Stream } from '../node/snapshots.ts';
import { type Cluster, calm, soon, speak, type TestNode } from './kit.ts';

/** Nothing is kept behind a snapshot, and none is built but on demand. */
export const bare = { ...calm, keepBytes: 0 };

/** Writes `count` commands at once; returns the index of the last. */
export async function writeMany(node: TestNode, count: number): Promise<number> {
  const writes = Array.from({ length: count }, (_, at) => node.raft.write(`w${at}`, soon()));
  const results = await Promise.all(writes);
  return Math.max(...results.map(({ logId }) => logId.index));
}

/** Purges everything on the leader, once nothing is left that it wants to send. */
export async function purgeAll({ raft }: TestNode): Promise<LogId> {
  const covered = await raft.takeSnapshot(soon());
  await raft.waitFor(({ purged }) => purged.index >= covered.index, soon());
  return covered;
}

/** Ends some nodes, and purges from the leader what they miss. */
export async function leaveBehind(
  cluster: Cluster,
  ids: readonly NodeId[],
  count = 20,
): Promise<LogId> {
  for (const id of ids) await cluster.stop(id);
  await writeMany(cluster.first, count);
  return purgeAll(cluster.first);
}

/** A wire that holds the chunks of snapshots back from a certain one on. */
export class ChunkGate {
  /** Resolves when the chunk is there that is held. */
  readonly reached: Promise<void>;
  sent = 0;
  sentBytes = 0;
  readonly targets: NodeId[] = [];
  /** Looks only at calls that begin here: a network may push more before a call is answered. */
  offset: number | undefined = undefined;
  #callOffset = 0;
  readonly #opened: Promise<void>;
  readonly open: () => void;

  constructor({ wires }: Cluster, { after }: { after: number }) {
    const reached = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    this.reached = reached.promise;
    this.#opened = opened.promise;
    this.open = opened.resolve;
    wires.onCall = (message) => {
      if (message.call === 'installSnapshot') this.#callOffset = message.request.offset;
    };
    wires.onChunk = async ({ chunk, to }) => {
      if (this.offset !== undefined && this.offset !== this.#callOffset) return;
      if (this.sent >= after) {
        reached.resolve();
        await this.#opened;
      }
      this.sent += 1;
      this.sentBytes += chunk.length;
      this.targets.push(to);
    };
  }
}

/** Speaks to a node as its leader, without being one. */
export class FakeLeader {
  readonly #node: TestNode;
  readonly term: number;
  readonly id: NodeId;

  constructor(node: TestNode, { term, id = 'a' }: { term: number; id?: NodeId }) {
    this.#node = node;
    this.term = term;
    this.id = id;
  }

  async append(
    previous: LogId,
    entries: readonly Entry[],
    committed: number,
  ): Promise<AppendEntriesResponse> {
    const { term, id } = this;
    return this.#node.raft.rpc.appendEntries(
      { term, leader: id, previous, entries, committed },
      speak(id, this.#node.id),
    );
  }

  /** Sends a snapshot of a `RecordingMachine` that has applied `commands`. */
  async install(
    lastLogId: LogId,
    membership: EffectiveMembership,
    commands: readonly unknown[],
  ): Promise<InstallSnapshotResponse> {
    const bytes = await recordedContent(commands);
    return this.send(lastLogId, membership, { bytes });
  }

  send(
    lastLogId: LogId,
    membership: EffectiveMembership,
    { bytes, chunks }: { bytes: Uint8Array; chunks?: AsyncIterable<Uint8Array> },
  ): Promise<InstallSnapshotResponse> {
    const { term, id } = this;
    const request: InstallSnapshotRequest = {
      term,
      leader: id,
      meta: { id: `snapshot-${lastLogId.term}-${lastLogId.index}`, lastLogId, membership },
      offset: 0,
      size: bytes.length,
      checksum: crc32(bytes),
    };
    const stream = chunks ?? new Stream(bytes, 16);
    return this.#node.raft.rpc.installSnapshot(request, stream, speak(id, this.#node.id));
  }
}

/** The content of a snapshot of a `RecordingMachine`; the commands have no place in the log. */
export function recordedContent(commands: readonly unknown[]): Promise<Uint8Array> {
  const logIds = commands.map((_, at) => ({ term: 0, index: at + 1 }));
  return collect(sealEnvelope([], [Buffer.from(JSON.stringify({ commands, logIds }))]));
}

/** A stream from which nothing ever comes. */
export function hungStream(): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<never>(() => undefined),
      return: async () => ({ done: true, value: undefined }),
    }),
  };
}
