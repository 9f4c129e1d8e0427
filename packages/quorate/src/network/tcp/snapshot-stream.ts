import type { Runtime } from '../../platform/runtime.ts';
import { type ChunkWay, ChunkWriter } from './chunk-writer.ts';
import { writeFailure } from './failure.ts';
import { frameTypes } from './frame.ts';
import type { Link } from './link.ts';
import type { CallStream, OpenCall } from './open-call.ts';

/** The content of a snapshot on its way, behind the request that announces it. */
export class SnapshotStream implements CallStream, ChunkWay {
  readonly #link: Link;
  readonly #runtime: Runtime;
  readonly #chunks: AsyncIterable<Uint8Array>;
  readonly #timeoutMs: number;
  readonly #writer: ChunkWriter = new ChunkWriter(this);
  #call: OpenCall | undefined;

  constructor(
    link: Link,
    runtime: Runtime,
    chunks: AsyncIterable<Uint8Array>,
    { timeoutMs }: { readonly timeoutMs: number },
  ) {
    this.#link = link;
    this.#runtime = runtime;
    this.#chunks = chunks;
    this.#timeoutMs = timeoutMs;
  }

  onSent(call: OpenCall): void {
    this.#call = call;
    this.#writer.run(this.#chunks).catch((error: unknown) => {
      // The chunks could not be read. That is no fault of the other side, so it passes as it is.
      this.send(frameTypes.failure, writeFailure(error));
      this.#link.abandon(call, error);
    });
  }

  onCredit(bytes: number): void {
    this.onWait('peer');
    this.#writer.grant(bytes);
  }

  onDrain(): void {
    this.onWait('peer');
    this.#writer.wake();
  }

  onEnd(): void {
    this.#call = undefined;
    this.#writer.stop();
  }

  // Of this call only the question is a stream; its answer comes whole.
  onChunk(): void {}
  onStreamEnd(): void {}

  get isClogged(): boolean {
    return this.#link.isClogged;
  }

  send(type: number, body?: readonly Uint8Array[]): void {
    if (this.#call !== undefined) this.#link.sendFrame(this.#call, type, body);
  }

  /** The other side has a while for each step; the time of the source is not its fault. */
  onWait(whom: 'source' | 'peer'): void {
    if (this.#call === undefined) return;
    const deadline = whom === 'source' ? Infinity : this.#runtime.now() + this.#timeoutMs;
    this.#link.setDeadline(this.#call, deadline);
  }
}
