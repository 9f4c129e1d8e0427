import type { Committed, StateMachine } from '../../src/contract/state-machine.ts';
import type { LogId, SnapshotMeta } from '../../src/core/types.ts';

interface Recorded {
  readonly commands: unknown[];
  readonly logIds: LogId[];
}

const encoder = new TextEncoder();

/** Answers each command with its position among all commands, and remembers them. */
export class RecordingMachine implements StateMachine<unknown, number> {
  readonly commands: unknown[] = [];
  readonly logIds: LogId[] = [];
  /** How many commands came in each batch. */
  readonly batchSizes: number[] = [];
  /** Asked before each batch: throw to fail, return a promise to be slow. */
  onApply: (batch: readonly Committed<unknown>[]) => void | Promise<void> = () => undefined;
  /** Asked by the leader before a command is logged. */
  onValidate: (command: unknown) => void | Promise<void> = () => undefined;
  /** The snapshots that took the place of the state. */
  readonly restored: SnapshotMeta[] = [];
  onRestore: (meta: SnapshotMeta) => void | Promise<void> = () => undefined;
  /** The size of a snapshot's chunks. */
  chunkBytes = 1024;
  #isApplying = false;

  apply(batch: readonly Committed<unknown>[]): number[] | Promise<number[]> {
    if (this.#isApplying) throw new Error('Two calls of apply overlap.');
    const pause = this.onApply(batch);
    if (pause === undefined) return this.#record(batch);
    this.#isApplying = true;
    return pause.then(() => {
      this.#isApplying = false;
      return this.#record(batch);
    });
  }

  validate(command: unknown): void | Promise<void> {
    return this.onValidate(command);
  }

  async snapshot(): Promise<Uint8Array[]> {
    const { commands, logIds } = this;
    return chunked(encoder.encode(JSON.stringify({ commands, logIds })), this.chunkBytes);
  }

  async restore(chunks: AsyncIterable<Uint8Array>, meta: SnapshotMeta): Promise<void> {
    await this.onRestore(meta);
    const bytes: Uint8Array[] = [];
    for await (const chunk of chunks) bytes.push(chunk);
    const { commands, logIds } = JSON.parse(Buffer.concat(bytes).toString()) as Recorded;
    this.commands.splice(0, Infinity, ...commands);
    this.logIds.splice(0, Infinity, ...logIds);
    this.restored.push(meta);
  }

  #record(batch: readonly Committed<unknown>[]): number[] {
    this.batchSizes.push(batch.length);
    return batch.map(({ logId, command }) => {
      this.logIds.push(logId);
      return this.commands.push(command);
    });
  }
}

function chunked(bytes: Uint8Array, size: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return chunks;
}
