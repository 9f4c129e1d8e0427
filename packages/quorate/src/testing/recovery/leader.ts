import { crc32 } from 'node:zlib';
import type { CallOptions } from '../../contract/network.ts';
import type { AppendEntriesResponse, InstallSnapshotResponse } from '../../core/message.ts';
import type { EffectiveMembership, Entry, LogId, LogIndex } from '../../core/types.ts';
import type { Raft } from '../../node/raft.ts';
import { sealEnvelope } from '../../node/snapshot-envelope.ts';
import { piecesOf } from './machines.ts';

/** Speaks to a node as `b`, the leader of a term, without being a node. */
export class Leader {
  readonly #raft: Raft<string, number>;
  readonly #term: number;

  constructor(raft: Raft<string, number>, term: number) {
    this.#raft = raft;
    this.#term = term;
  }

  async append(
    previous: LogId,
    entries: readonly Entry[],
    committed: LogIndex,
  ): Promise<AppendEntriesResponse> {
    const rpc = { term: this.#term, leader: 'b', previous, entries, committed };
    return this.#raft.rpc.appendEntries(rpc, this.#options);
  }

  /** Sends a snapshot of `commands`, from where the node says that it has stored it up to. */
  async install(
    lastLogId: LogId,
    membership: EffectiveMembership,
    commands: readonly string[],
  ): Promise<InstallSnapshotResponse> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of sealEnvelope([], piecesOf(commands))) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const meta = { id: `snapshot-${lastLogId.index}`, lastLogId, membership };
    const whole = { size: bytes.length, checksum: crc32(bytes) };
    let offset = 0;
    for (;;) {
      const rpc = { term: this.#term, leader: 'b', meta, offset, ...whole };
      const rest = inPieces(bytes.subarray(offset));
      const answer = await this.#raft.rpc.installSnapshot(rpc, rest, this.#options);
      if (answer.stored <= offset) return answer;
      offset = answer.stored;
    }
  }

  get #options(): CallOptions {
    const from = { cluster: 'cluster-1', node: 'b', incarnation: 'disk-b', starts: 1 };
    return { from, to: { node: this.#raft.id } };
  }
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += 16) yield bytes.subarray(at, at + 16);
}
