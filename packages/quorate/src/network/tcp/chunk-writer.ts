import { frameTypes } from './frame.ts';

/** What a stream may send before it is granted more, in bytes: no receiver holds more than this. */
export const streamWindowBytes: number = 1024 * 1024;
/** What a piece costs besides its bytes, so that many tiny ones are bounded as well. */
export const pieceCostBytes = 128;
/** Chunks leave in pieces, so that other frames find their place between them. */
const maxPieceBytes = 64 * 1024;

/** Where the pieces of a stream go. */
export interface ChunkWay {
  /** More than enough waits for the socket already. */
  readonly isClogged: boolean;
  /** Sends a frame that belongs to the call of the stream. */
  send(type: number, body?: readonly Uint8Array[]): void;
  /** Called when a chunk is waited for, and when the other side is. */
  onWait?(whom: 'source' | 'peer'): void;
}

/** Sends a stream as fast as its receiver grants it and the socket takes it. */
export class ChunkWriter {
  readonly #way: ChunkWay;
  #credit = streamWindowBytes;
  #isOver = false;
  #wake: (() => void) | undefined;

  constructor(way: ChunkWay) {
    this.#way = way;
  }

  grant(bytes: number): void {
    this.#credit += bytes;
    this.wake();
  }

  /** The socket may have room again. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Nobody wants the rest. */
  stop(): void {
    this.#isOver = true;
    this.wake();
  }

  /** Sends it all, and that this was all. Rejects with what the source throws. */
  async run(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.#way.onWait?.('source');
    for await (const chunk of chunks) {
      if (this.#isOver) return;
      this.#way.onWait?.('peer');
      for (let at = 0; at < chunk.length; ) {
        while (!this.#isOver && !this.#hasRoom) await this.#room();
        if (this.#isOver) return;
        const to = Math.min(chunk.length, at + maxPieceBytes, at + this.#credit - pieceCostBytes);
        // Copied: the source may fill the same buffer again.
        this.#way.send(frameTypes.chunk, [chunk.slice(at, to)]);
        this.#credit -= to - at + pieceCostBytes;
        at = to;
      }
      this.#way.onWait?.('source');
    }
    if (this.#isOver) return;
    this.#way.onWait?.('peer');
    this.#way.send(frameTypes.end);
  }

  get #hasRoom(): boolean {
    return this.#credit > pieceCostBytes && !this.#way.isClogged;
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
